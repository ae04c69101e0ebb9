"""Volumes of a session per price component: measured, and as billed in blocks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import lcm

from billing.pricing.exact import Exact
from billing.pricing.plan import Family, Fee, Part, Plan
from billing.pricing.restrictions import Moment
from billing.pricing.session import Session, State
from billing.pricing.walking import Slice, walk


@dataclass(slots=True)
class Tally:
    """Volumes in µWh, µs or 1, indexed by ``Part.number``.

    Args:
        volumes: what was measured.
        billed: the same with what the billing blocks add.
        scale: both are whole numbers of 1/scale small units. It is 1 unless a
            clock cut energy at a share that is no whole µWh.
        times_us: measured time per state, whether it costs anything or not.
        energy_uwh: measured energy, whether it costs anything or not.
    """

    volumes: list[int]
    billed: list[int]
    scale: int
    times_us: dict[State, Exact]
    energy_uwh: Exact


@dataclass(slots=True)
class _Count:
    """What is collected on the way."""

    volumes: list[Exact]
    times_us: dict[State, Exact]
    energy_uwh: Exact = 0
    last: list[Part | None] = field(default_factory=lambda: [None] * len(Family))
    fees: list[Part | None] = field(default_factory=lambda: [None] * len(Fee))


def tally(plan: Plan, session: Session) -> Tally:
    """Walk through a session and add up what each component prices."""
    count = _Count([0] * len(plan.parts), dict.fromkeys(State, 0))
    for piece in walk(plan, session):
        _count(plan, piece, count)
    for fee in count.fees:
        if fee is not None:
            count.volumes[fee.number] = 1
    scale = lcm(*(volume.denominator for volume in count.volumes))
    volumes = [
        volume.numerator * (scale // volume.denominator) for volume in count.volumes
    ]
    billed = volumes.copy()
    for part in count.last:
        if part is not None and part.step:
            total = sum(volumes[number] for number in part.siblings)
            billed[part.number] += -total % (part.step * scale)
    return Tally(volumes, billed, scale, count.times_us, count.energy_uwh)


def _count(plan: Plan, piece: Slice, sums: _Count) -> None:
    """Price one slice: the first active component of each dimension takes it."""
    lists, moment = plan.lists[piece.state], piece.moment
    energy = piece.energy_uwh
    if energy:
        sums.energy_uwh += energy
        part = first_active(lists.energy, moment)
        if part is not None:
            sums.volumes[part.number] += energy
            sums.last[Family.ENERGY] = part
    length = piece.ends_us - piece.starts_us
    if length:
        sums.times_us[piece.state] += length
        part = first_active(lists.time, moment)
        if part is not None:
            sums.volumes[part.number] += length
            sums.last[lists.family] = part
    for fee, parts in lists.fees:
        if sums.fees[fee] is None:
            sums.fees[fee] = first_active(parts, moment)


def first_active(parts: Sequence[Part], moment: Moment) -> Part | None:
    """The first component in list order whose restrictions all hold."""
    for part in parts:
        for check in part.checks:
            if not check(moment):
                break
        else:
            return part
    return None
