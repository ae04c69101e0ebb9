"""A tariff made ready for pricing: integers, checks and cut points, once per tariff.

All amounts of a tariff share one denominator, so that a session is priced in plain
integers: a component's weight times a volume (µWh, µs or 1) is an amount over
``Plan.denominator``, before and after taxes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from math import lcm
from typing import Final, NamedTuple

from billing.pricing.exact import Exact, decimal_of, exact_of, fine
from billing.pricing.restrictions import (
    SECOND_US,
    UWH_PER_KWH_DIGITS,
    Check,
    checks_of,
    idle_checks,
    window_us,
)
from billing.pricing.session import State
from billing.pricing.tariff import (
    Dimension,
    IdleFee,
    PriceComponent,
    ReservationKind,
    Restrictions,
    Tariff,
    TaxIncluded,
)
from cpms.kernel.money import minor_digits

UWH_PER_WH: Final = 10**6
HOUR_US: Final = 3600 * SECOND_US

UNIT: Final = {
    Dimension.ENERGY: 10**UWH_PER_KWH_DIGITS,
    Dimension.TIME: HOUR_US,
    Dimension.PARKING_TIME: HOUR_US,
    Dimension.FLAT: 1,
}
"""Small units in the unit that a price is for: µWh in a kWh, µs in an hour."""

_STEP_UNIT: Final = {
    Dimension.ENERGY: UWH_PER_WH,
    Dimension.TIME: SECOND_US,
    Dimension.PARKING_TIME: SECOND_US,
    Dimension.FLAT: 0,
}

_PLAN: Final = "plan"


@dataclass(frozen=True, slots=True)
class Part:
    """A price component made ready.

    Args:
        number: its place among all components of the tariff.
        element: index of its element.
        component: what the tariff says.
        reservation: the kind of reservation it is for, None for a charge.
        checks: all must hold for it to be active.
        siblings: numbers of the components whose volumes share one billing block:
            those of its dimension, of the charge or of the reservation.
        step: billing block in small units, 0 for none.
        rate: index of its tax rate in ``Plan.rates``.
        unit_price: the price before taxes, 12 decimals where it needs them.
        before: weight before taxes.
        after: weight after taxes.
    """

    number: int
    element: int
    component: PriceComponent
    reservation: ReservationKind | None
    checks: tuple[Check, ...]
    siblings: tuple[int, ...]
    step: int
    rate: int
    unit_price: Decimal
    before: int
    after: int


class Lists(NamedTuple):
    """The components that may price a state, in list order.

    Args:
        energy: for what is delivered.
        time: for the time of this state.
        family: which times are billed together, see ``Family``.
        fees: what is due once each.
    """

    energy: tuple[Part, ...]
    time: tuple[Part, ...]
    family: int
    fees: tuple[tuple[int, tuple[Part, ...]], ...]


class Family(IntEnum):
    """Components of which the last one rounds the session total."""

    ENERGY = 0
    TIME = 1
    RESERVATION = 2


class Fee(IntEnum):
    """What FLAT is due once for."""

    CHARGE = 0
    RESERVATION = 1
    EXPIRY = 2


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where a component may change; what is not used is not cut.

    Args:
        clock: the local clock or calendar matters.
        clocks_us: local times of day, midnight among them when dates matter.
        durations_us: since the session began.
        energies_uwh: since the session began.
        parkings_us: parking time of the session.
        power: some element asks for the power.
        current: some element asks for the current.
    """

    clock: bool
    clocks_us: tuple[int, ...]
    durations_us: tuple[int, ...]
    energies_uwh: tuple[Exact, ...]
    parkings_us: tuple[int, ...]
    power: bool
    current: bool

    @property
    def any(self) -> bool:
        """Whether a period can fall apart at all."""
        return self.clock or bool(
            self.durations_us or self.energies_uwh or self.parkings_us
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """A tariff made ready for pricing."""

    tariff: Tariff
    parts: tuple[Part, ...]
    rates: tuple[Decimal | None, ...]
    denominator: int
    digits: int
    cuts: Cuts
    lists: Mapping[State, Lists]


def plan_of(tariff: Tariff) -> Plan:
    """The plan of a tariff, made at its first use and kept with it."""
    plan = tariff.derived.get(_PLAN)
    if not isinstance(plan, Plan):
        plan = _make(tariff)
        tariff.derived[_PLAN] = plan
    return plan


def tax_factor(tariff: Tariff, rate: Decimal | None) -> Fraction:
    """What a price before this tax is multiplied with."""
    if rate is None or tariff.tax_included is TaxIncluded.NOT_APPLICABLE:
        return Fraction(1)
    return 1 + Fraction(rate) / 100


def _make(tariff: Tariff) -> Plan:
    rates = _rates(tariff)
    weights = _weights(tariff)
    limits = _limit_amounts(tariff)
    denominator = lcm(
        *(weight.denominator for pair in weights for weight in pair),
        *(limit.denominator for limit in limits),
    )
    parts = _parts(tariff, rates, weights, denominator)
    return Plan(
        tariff=tariff,
        parts=parts,
        rates=rates,
        denominator=denominator,
        digits=minor_digits(tariff.currency),
        cuts=_cuts(tariff),
        lists=_lists(parts),
    )


def _lists(parts: tuple[Part, ...]) -> Mapping[State, Lists]:
    def of(
        dimension: Dimension, reservation: ReservationKind | None = None
    ) -> tuple[Part, ...]:
        return tuple(
            part
            for part in parts
            if part.component.type is dimension and part.reservation is reservation
        )

    booked, lapsed = ReservationKind.RESERVATION, ReservationKind.EXPIRES
    energy = of(Dimension.ENERGY)
    charge_fee = (Fee.CHARGE, of(Dimension.FLAT))
    booking_fee = (Fee.RESERVATION, of(Dimension.FLAT, booked))
    expiry_fee = (Fee.EXPIRY, of(Dimension.FLAT, lapsed))
    return {
        State.CHARGING: Lists(energy, of(Dimension.TIME), Family.TIME, (charge_fee,)),
        State.PARKING: Lists(
            energy, of(Dimension.PARKING_TIME), Family.TIME, (charge_fee,)
        ),
        State.RESERVED: Lists(
            (), of(Dimension.TIME, booked), Family.RESERVATION, (booking_fee,)
        ),
        # OCPI, ReservationRestrictionType: an element for expiry takes the time of
        # an expired reservation before one for any reservation, wherever it stands.
        # The note speaks of time only: the fee of the booking and the fee of its
        # expiry are two fees ("an additional expiration fee").
        State.RESERVATION_EXPIRED: Lists(
            (),
            of(Dimension.TIME, lapsed) + of(Dimension.TIME, booked),
            Family.RESERVATION,
            (booking_fee, expiry_fee),
        ),
    }


def _components(tariff: Tariff) -> list[tuple[int, Restrictions, PriceComponent]]:
    return [
        (index, element.restrictions, component)
        for index, element in enumerate(tariff.elements)
        for component in element.price_components
    ]


def _rates(tariff: Tariff) -> tuple[Decimal | None, ...]:
    """The different tax rates in the order of their first use."""
    if tariff.tax_included is TaxIncluded.NOT_APPLICABLE:
        return (None,)
    return tuple(
        dict.fromkeys(component.vat for _, _, component in _components(tariff))
    )


def _limit_amounts(tariff: Tariff) -> list[Fraction]:
    """The amounts of the price limits, which share the denominator."""
    return [
        Fraction(amount)
        for limit in (tariff.min_price, tariff.max_price)
        if limit is not None
        for amount in (limit.before_taxes, limit.after_taxes)
        if amount is not None
    ]


def _weights(tariff: Tariff) -> list[tuple[Fraction, Fraction]]:
    """Per component the price of one small unit before and after taxes."""
    weights = []
    for _, _, component in _components(tariff):
        price = Fraction(component.price) / UNIT[component.type]
        factor = tax_factor(tariff, component.vat)
        if tariff.tax_included is TaxIncluded.YES:
            weights.append((price / factor, price))
        else:
            weights.append((price, price * factor))
    return weights


def _parts(
    tariff: Tariff,
    rates: tuple[Decimal | None, ...],
    weights: list[tuple[Fraction, Fraction]],
    denominator: int,
) -> tuple[Part, ...]:
    taxed = tariff.tax_included is not TaxIncluded.NOT_APPLICABLE
    kinds = [
        (component.type, restrictions.reservation is None)
        for _, restrictions, component in _components(tariff)
    ]
    return tuple(
        Part(
            number=number,
            element=element,
            component=component,
            reservation=restrictions.reservation,
            checks=_checks(tariff, restrictions, component),
            siblings=tuple(
                other for other, kind in enumerate(kinds) if kind == kinds[number]
            ),
            step=component.step_size * _STEP_UNIT[component.type],
            rate=rates.index(component.vat) if taxed else 0,
            unit_price=decimal_of(fine(weights[number][0] * UNIT[component.type], 1)),
            before=int(weights[number][0] * denominator),
            after=int(weights[number][1] * denominator),
        )
        for number, (element, restrictions, component) in enumerate(_components(tariff))
    )


def _checks(
    tariff: Tariff, restrictions: Restrictions, component: PriceComponent
) -> tuple[Check, ...]:
    checks = checks_of(restrictions)
    if component.type is Dimension.PARKING_TIME:
        checks += idle_checks(tariff.idle_fee)
    return checks


def _idle_cuts(idle_fee: IdleFee | None) -> tuple[int, ...]:
    if idle_fee is None:
        return ()
    ends = [idle_fee.grace_s]
    if idle_fee.cap_s is not None:
        ends.append(idle_fee.grace_s + idle_fee.cap_s)
    return tuple(seconds * SECOND_US for seconds in ends if seconds)


def _cuts(tariff: Tariff) -> Cuts:
    clocks: set[int] = set()
    durations: set[int] = set()
    energies: set[Exact] = set()
    every = [element.restrictions for element in tariff.elements]
    for restrictions in every:
        window = window_us(restrictions)
        clocks.update(window or ())
        if (
            restrictions.day_of_week
            or restrictions.start_date is not None
            or restrictions.end_date is not None
        ):
            clocks.add(0)
        for seconds in (restrictions.min_duration, restrictions.max_duration):
            if seconds:
                durations.add(seconds * SECOND_US)
        for kwh in (restrictions.min_kwh, restrictions.max_kwh):
            if kwh:
                energies.add(exact_of(kwh, UWH_PER_KWH_DIGITS))
    return Cuts(
        clock=bool(clocks),
        clocks_us=tuple(sorted(clocks)),
        durations_us=tuple(sorted(durations)),
        energies_uwh=tuple(sorted(energies)),
        parkings_us=_idle_cuts(tariff.idle_fee),
        power=any(r.min_power is not None or r.max_power is not None for r in every),
        current=any(
            r.min_current is not None or r.max_current is not None for r in every
        ),
    )
