"""The most that a charge can cost before it happens.

What is known of a charge in advance is its start, and its limits of energy and time.
Clock, calendar and duration are followed along that time; power, current and when
the energy flows are unknown, so wherever several components may be active the
dearest counts. Reservations and PARKING_TIME are left out: the idle fee has a cap
and a reserve of its own.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from billing.pricing.exact import Exact, half_up
from billing.pricing.plan import Lists, Part, Plan
from billing.pricing.restrictions import (
    Check,
    Moment,
    calendar_checks,
    energy_checks,
)
from billing.pricing.session import Session, State
from billing.pricing.tariff import PriceLimit, Restrictions, TaxIncluded
from billing.pricing.walking import walk


@dataclass(frozen=True, slots=True)
class _Option:
    """A component with its restrictions sorted by what is known of them."""

    part: Part
    calendar: tuple[Check, ...]
    energy: tuple[Check, ...]
    unsure: bool


@dataclass(frozen=True, slots=True)
class _Rung:
    """A stretch (of time or of energy) and what may price it.

    Args:
        starts: in µs or µWh since the start of the charge.
        worst: greatest weight after taxes of a small unit.
        parts: all components that may be active.
    """

    starts: Exact
    worst: int
    parts: frozenset[int]


class Ceiling:
    """The most that a charge can cost, as a function of its limits.

    Args:
        plan: of the tariff.
        session: one charging period from the start to the latest end.
        max_power_kw: what the connector can deliver; None when unknown.
    """

    def __init__(
        self, plan: Plan, session: Session, max_power_kw: Decimal | None
    ) -> None:
        """Walk the time once; what follows only adds up."""
        self._plan = plan
        lists = plan.lists[State.CHARGING]
        options = {
            part.number: _option(plan, part, max_power_kw) for part in _all_parts(lists)
        }
        self._moments = [piece.moment for piece in walk(plan, session)]
        usable = {number: option for number, option in options.items() if option}
        self._time = self._time_rungs(usable, lists.time)
        self._energy = self._energy_rungs(usable, lists.energy)
        self._fee = self._greatest_fee(usable, lists)
        self.needs_time = any(rung.worst for rung in self._time)
        self._rates = len({option.part.rate for option in usable.values()}) or 1

    def minor(self, energy_uwh: int, time_us: int) -> int:
        """The greatest total in minor units within these limits."""
        total = (
            self._fee
            + self._climb(self._energy_until(time_us), energy_uwh)
            + self._climb(self._time, time_us)
        )
        return self._limited(Fraction(total) / self._plan.denominator)

    def _limited(self, total: Fraction) -> int:
        """With the price limits, and with what rounding can add per tax rate."""
        tariff, scale = self._plan.tariff, 10**self._plan.digits
        least, most = tariff.min_price, tariff.max_price
        if least is not None:
            total = max(total, self._with_taxes(least))
        if most is not None:
            total = min(total, self._with_taxes(most))
        minor = int(total * scale + Fraction(self._rates, 2))
        if most is not None and most.after_taxes is not None:
            # Rounding never passes a greatest price that is stated with its taxes.
            minor = min(minor, half_up(self._with_taxes(most) * scale, 1))
        return minor

    def _with_taxes(self, limit: PriceLimit) -> Fraction:
        """The most that a price limit can come to with taxes."""
        if self._plan.tariff.tax_included is TaxIncluded.NOT_APPLICABLE:
            return Fraction(limit.before_taxes)
        if limit.after_taxes is not None:
            return Fraction(limit.after_taxes)
        rates = [Fraction(rate or 0) for rate in self._plan.rates]
        return Fraction(limit.before_taxes) * (1 + max(rates) / 100)

    def _climb(self, rungs: Sequence[_Rung], until: int) -> Exact:
        """The dearest way up to ``until``, and the dearest last billing block."""
        reached = [rung for rung in rungs if rung.starts < until]
        assert reached, "limits are above zero, and every ladder begins at zero"
        total: Exact = 0
        for index, rung in enumerate(reached):
            ends = reached[index + 1].starts if index + 1 < len(reached) else until
            total += rung.worst * (ends - rung.starts)
        always = frozenset.intersection(*(rung.parts for rung in reached))
        extra = 0
        for number in frozenset[int]().union(*(rung.parts for rung in reached)):
            part = self._plan.parts[number]
            # One that is active throughout rounds up the limit itself; one that is
            # not may have rounded up a smaller amount by nearly a whole block.
            missing = -until % part.step if part.step else 0
            if number not in always:
                missing = part.step
            extra = max(extra, part.after * missing)
        return total + extra

    def _time_rungs(
        self, options: dict[int, _Option], parts: Sequence[Part]
    ) -> list[_Rung]:
        rungs = []
        for moment in self._moments:
            found, _ = _possible(options, parts, moment, at_energy=False)
            rungs.append(_rung(moment.duration_us, found))
        return rungs

    def _energy_rungs(
        self, options: dict[int, _Option], parts: Sequence[Part]
    ) -> list[list[_Rung]]:
        """Per threshold of energy, one rung for each stretch of time."""
        table = []
        for threshold in (0, *self._plan.cuts.energies_uwh):
            row = []
            for moment in self._moments:
                moment.energy_uwh = threshold
                found, _ = _possible(options, parts, moment, at_energy=True)
                row.append(_rung(threshold, found))
            table.append(row)
        return table

    def _energy_until(self, time_us: int) -> list[_Rung]:
        """The ladder of energy when it may flow at any time up to ``time_us``."""
        count = sum(1 for moment in self._moments if moment.duration_us < time_us)
        return [
            _Rung(
                row[0].starts,
                max(rung.worst for rung in row[:count]),
                frozenset[int]().union(*(rung.parts for rung in row[:count])),
            )
            for row in self._energy
        ]

    def _greatest_fee(self, options: dict[int, _Option], lists: Lists) -> int:
        greatest = 0
        for _, parts in lists.fees:
            for moment in self._moments:
                found, sure = _possible(options, parts, moment, at_energy=False)
                greatest = max([greatest, *(part.after for part in found)])
                if sure:
                    break
        return greatest


def _all_parts(lists: Lists) -> Iterable[Part]:
    yield from lists.energy
    yield from lists.time
    for _, parts in lists.fees:
        yield from parts


def _option(plan: Plan, part: Part, max_power_kw: Decimal | None) -> _Option | None:
    """The component for this connector; None when its power is out of reach."""
    restrictions = plan.tariff.elements[part.element].restrictions
    least = restrictions.min_power
    if max_power_kw is not None and least is not None and least > max_power_kw:
        return None
    return _Option(
        part,
        calendar_checks(restrictions),
        energy_checks(restrictions),
        unsure=_asks_for_load(restrictions),
    )


def _asks_for_load(restrictions: Restrictions) -> bool:
    return any(
        value is not None
        for value in (
            restrictions.min_power,
            restrictions.max_power,
            restrictions.min_current,
            restrictions.max_current,
        )
    )


def _possible(
    options: dict[int, _Option],
    parts: Sequence[Part],
    moment: Moment,
    *,
    at_energy: bool,
) -> tuple[list[Part], bool]:
    """The components that may be active, and whether one of them surely is.

    ``at_energy``: the energy of the moment is known; else it may be any.
    """
    found = []
    for part in parts:
        option = options.get(part.number)
        if option is None or not _hold(option.calendar, moment):
            continue
        if at_energy and not _hold(option.energy, moment):
            continue
        found.append(part)
        if not option.unsure and (at_energy or not option.energy):
            return found, True
    return found, False


def _hold(checks: Iterable[Callable[[Moment], bool]], moment: Moment) -> bool:
    return all(check(moment) for check in checks)


def _rung(starts: Exact, parts: list[Part]) -> _Rung:
    return _Rung(
        starts,
        max((part.after for part in parts), default=0),
        frozenset(part.number for part in parts),
    )
