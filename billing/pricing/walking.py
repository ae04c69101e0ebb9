"""A session cut where its price may change.

Everything is UTC in integer µs since 1970. The local clock enters only as an offset
that is constant within a span, so a change of daylight saving time is one more cut
and nothing else: no local times are ever subtracted. Energy is spread evenly over
its period; a cut by time takes its exact share, a cut by energy its exact instant.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from billing.pricing.exact import Exact, exact_of, quotient
from billing.pricing.plan import Cuts, Plan
from billing.pricing.restrictions import DAY_US, SECOND_US, Moment
from billing.pricing.session import (
    RESERVATION_STATES,
    ChargingPeriod,
    Session,
    State,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UW_PER_UWH_US: Final = 3600 * SECOND_US
_MA_DIGITS: Final = 3
_MW_DIGITS: Final = 6
_UWH_DIGITS: Final = 6


class Slice(NamedTuple):
    """A stretch in which no restriction changes.

    Args:
        state: of its period.
        starts_us: UTC.
        ends_us: UTC, exclusive.
        energy_uwh: delivered in it.
        moment: where the session stood at its start.
    """

    state: State
    starts_us: Exact
    ends_us: Exact
    energy_uwh: Exact
    moment: Moment


class Span(NamedTuple):
    """A stretch of UTC in which the local clock has one offset."""

    starts_us: int
    ends_us: int
    offset_us: int


def walk(plan: Plan, session: Session) -> Iterator[Slice]:
    """The slices of a session in order of time."""
    cuts = plan.cuts
    first_us = micros(session.periods[0].starts_at)
    spans: list[Span] = []
    if cuts.clock:
        spans = offset_spans(
            first_us, micros(session.periods[-1].ends_at), session.zone
        )
    began_us: int | None = None
    energy_uwh: Exact = 0
    parked_us = 0
    for period in session.periods:
        starts_us, ends_us = micros(period.starts_at), micros(period.ends_at)
        # Durations of a charge count from its own start, not from its reservation's.
        origin_us = first_us
        if period.state not in RESERVATION_STATES:
            if began_us is None:
                began_us = starts_us
            origin_us = began_us
        delivered = exact_of(period.energy_wh, _UWH_DIGITS)
        stretch = _Stretch(
            period, starts_us, ends_us, origin_us, energy_uwh, delivered, parked_us
        )
        yield from stretch.slices(cuts, spans)
        energy_uwh += delivered
        if period.state is State.PARKING:
            parked_us += ends_us - starts_us


class _Stretch(NamedTuple):
    """A period in small units, and what came before it."""

    period: ChargingPeriod
    starts_us: int
    ends_us: int
    origin_us: int
    energy_before: Exact
    energy_uwh: Exact
    parked_before: int

    def slices(self, cuts: Cuts, spans: list[Span]) -> Iterator[Slice]:
        """Cut the period."""
        if not cuts.any:
            moment = Moment(
                duration_us=self.starts_us - self.origin_us,
                energy_uwh=self.energy_before,
            )
            self._load(cuts, moment)
            yield Slice(
                self.period.state,
                self.starts_us,
                self.ends_us,
                self.energy_uwh,
                moment,
            )
            return
        length = self.ends_us - self.starts_us
        pieces = self._by_time(cuts, spans) if length else self._by_energy(cuts)
        for starts_us, ends_us, before, energy in pieces:
            moment = Moment(duration_us=starts_us - self.origin_us, energy_uwh=before)
            if cuts.parkings_us and self.period.state is State.PARKING:
                moment.parked_us = self.parked_before + starts_us - self.starts_us
            if spans:
                moment.day, moment.clock_us = _local(starts_us, spans)
            self._load(cuts, moment)
            yield Slice(self.period.state, starts_us, ends_us, energy, moment)

    def _by_time(
        self, cuts: Cuts, spans: list[Span]
    ) -> Iterator[tuple[Exact, Exact, Exact, Exact]]:
        length = self.ends_us - self.starts_us
        points = self._instants(cuts, spans)
        at: Exact = self.starts_us
        gone: Exact = 0
        for point in sorted(points):
            reached = quotient(self.energy_uwh * (point - self.starts_us), length)
            yield at, point, self.energy_before + gone, reached - gone
            at, gone = point, reached
        yield at, self.ends_us, self.energy_before + gone, self.energy_uwh - gone

    def _by_energy(self, cuts: Cuts) -> Iterator[tuple[Exact, Exact, Exact, Exact]]:
        """Energy that came within no time, as a single late meter value does."""
        at = self.energy_before
        until = at + self.energy_uwh
        for threshold in cuts.energies_uwh:
            if at < threshold < until:
                yield self.starts_us, self.ends_us, at, threshold - at
                at = threshold
        yield self.starts_us, self.ends_us, at, until - at

    def _instants(self, cuts: Cuts, spans: list[Span]) -> set[Exact]:
        """The cut points strictly within the period."""
        starts_us, ends_us = self.starts_us, self.ends_us
        points: set[Exact] = set()
        if spans:
            points.update(_clock_instants(starts_us, ends_us, cuts, spans))
        counted = [self.origin_us + length_us for length_us in cuts.durations_us]
        if cuts.parkings_us and self.period.state is State.PARKING:
            parking_us = starts_us - self.parked_before
            counted += [parking_us + length_us for length_us in cuts.parkings_us]
        for point in counted:
            if starts_us < point < ends_us:
                points.add(point)
        if self.energy_uwh:
            for threshold in cuts.energies_uwh:
                ahead = threshold - self.energy_before
                if 0 < ahead < self.energy_uwh:
                    # The instant at which the even flow passes the threshold.
                    share = ahead * (ends_us - starts_us)
                    points.add(starts_us + _over(share, self.energy_uwh))
        return points

    def _load(self, cuts: Cuts, moment: Moment) -> None:
        """State current and power, where an element asks for them."""
        period = self.period
        if cuts.current and period.current_a is not None:
            moment.current_ma = exact_of(period.current_a, _MA_DIGITS)
        if cuts.power:
            length = self.ends_us - self.starts_us
            if period.power_kw is not None:
                moment.power_mw = exact_of(period.power_kw, _MW_DIGITS)
            elif length:
                moment.power_mw = quotient(
                    self.energy_uwh * _UW_PER_UWH_US, length * 1000
                )


def micros(instant: datetime) -> int:
    """An aware instant as µs since 1970, computed in UTC."""
    gone = instant - _EPOCH
    return (gone.days * 86_400 + gone.seconds) * SECOND_US + gone.microseconds


def instant_of(us: Exact) -> datetime:
    """µs since 1970 as an instant in UTC, to the nearest µs."""
    return _EPOCH + timedelta(microseconds=round(us))


def offset_spans(starts_us: int, ends_us: int, zone: ZoneInfo) -> list[Span]:
    """The stretches of constant UTC offset from ``starts_us`` to ``ends_us``.

    A zone never changes its offset twice within a day, so looking once a day and
    searching where two looks differ finds every change.
    """
    spans: list[Span] = []
    from_us, at_us = starts_us, starts_us
    offset = _offset_us(at_us, zone)
    while at_us < ends_us:
        next_us = min(at_us + DAY_US, ends_us)
        next_offset = _offset_us(next_us, zone)
        if next_offset != offset:
            change_us = _change(at_us, next_us, offset, zone)
            spans.append(Span(from_us, change_us, offset))
            from_us, offset = change_us, next_offset
        at_us = next_us
    # The end belongs to the last span, also for a session without any length.
    spans.append(Span(from_us, ends_us, offset))
    return spans


def _change(before_us: int, after_us: int, offset: int, zone: ZoneInfo) -> int:
    """The first whole second in (before, after] at which the offset is another."""
    low, high = before_us // SECOND_US, -(-after_us // SECOND_US)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_us(middle * SECOND_US, zone) == offset:
            low = middle
        else:
            high = middle
    return high * SECOND_US


def _offset_us(us: int, zone: ZoneInfo) -> int:
    offset = (_EPOCH + timedelta(microseconds=us)).astimezone(zone).utcoffset()
    assert offset is not None, "a ZoneInfo always has an offset"
    return (offset.days * 86_400 + offset.seconds) * SECOND_US


def _clock_instants(
    starts_us: int, ends_us: int, cuts: Cuts, spans: list[Span]
) -> Iterator[int]:
    """The instants within the period at which the local clock shows a boundary."""
    for span in spans:
        low, high = max(starts_us, span.starts_us), min(ends_us, span.ends_us)
        if low >= high:
            continue
        if low > starts_us:
            yield low
        offset = span.offset_us
        for day in range((low + offset) // DAY_US, (high + offset) // DAY_US + 1):
            for clock_us in cuts.clocks_us:
                point = day * DAY_US + clock_us - offset
                if low < point < high:
                    yield point


def _local(us: Exact, spans: list[Span]) -> tuple[int, Exact]:
    """Local day and time of day at an instant of the session."""
    offset = spans[-1].offset_us
    for span in spans:
        if us < span.ends_us:
            offset = span.offset_us
            break
    day, clock = divmod(us + offset, DAY_US)
    return int(day), clock


def _over(numerator: Exact, denominator: Exact) -> Exact:
    if isinstance(denominator, int):
        return quotient(numerator, denominator)
    return quotient(numerator * denominator.denominator, denominator.numerator)
