"""Meter readings without a version: exact, in base units, grouped by instant.

Both versions' ``sampled_values`` find the ``Plan`` of their own spelling and leave
the meaning to ``Instant``: which register counts as energy, what the units are, how
phases add up.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from charge_points.ocpp import quirk_names as quirk
from charge_points.ocpp.numbers import read_decimal
from charge_points.ocpp.timestamps import parse_time

DEFAULT_MEASURAND: Final = "Energy.Active.Import.Register"
DEFAULT_CONTEXT: Final = "Sample.Periodic"
DEFAULT_LOCATION: Final = "Outlet"
CLOCK_CONTEXT: Final = "Sample.Clock"

# Powers of ten a station may multiply its values with: nano to giga.
MULTIPLIERS: Final = range(-9, 10)

# What is remembered of how stations describe their values; they choose the words.
PLANS_MAX: Final = 2_000
PLAN_LIMIT_CHARS: Final = 200

_ENERGY: Final = "energy_wh"
_POWER: Final = "power_w"
_CURRENT: Final = "current_a"
_VOLTAGE: Final = "voltage_v"
_SOC: Final = "soc_percent"

# Only the active import register is energy; intervals, export and reactive are not.
_QUANTITY_BY_MEASURAND: Final = {
    "Energy.Active.Import.Register": _ENERGY,
    "Power.Active.Import": _POWER,
    "Current.Import": _CURRENT,
    "Voltage": _VOLTAGE,
    "SoC": _SOC,
}

# Unit to the power of ten of our unit; "" when missing. The spellings of the
# specification are found at once, others without their case and blanks.
_EXPONENTS: Final[dict[str, dict[str, int]]] = {
    _ENERGY: {"": 0, "Wh": 0, "kWh": 3, "wh": 0, "kwh": 3, "mwh": 6},
    _POWER: {"": 0, "W": 0, "kW": 3, "w": 0, "kw": 3, "mw": 6},
    _CURRENT: {"": 0, "A": 0, "a": 0, "ma": -3, "ka": 3},
    _VOLTAGE: {"": 0, "V": 0, "v": 0, "mv": -3, "kv": 3},
    _SOC: {"": 0, "Percent": 0, "percent": 0, "%": 0},
}

_LINE: Final = {
    "L1": "L1",
    "L2": "L2",
    "L3": "L3",
    "L1-N": "L1",
    "L2-N": "L2",
    "L3-N": "L3",
}
_TOTAL: Final = ""

# Where a quantity is measured at several places the one nearest the vehicle's side
# of the station counts; the vehicle's own word is the last resort, and never energy.
_LOCATIONS: Final = ("Outlet", "Cable", "Body", "Inlet")
_LOCATIONS_WITH_EV: Final = (*_LOCATIONS, "EV")


@dataclass(frozen=True, slots=True)
class SignedValue:
    """A meter value with its signature, as sent; its data is kept unchanged.

    Attributes:
        data: The signed data, often OCMF.
        signing_method: Empty where the version or the station does not say.
        encoding_method: The same.
        public_key: The same; the handler may know it from the station's variables.
        context: The reading context of the value.
    """

    data: str
    signing_method: str
    encoding_method: str
    public_key: str
    context: str


@dataclass(frozen=True, slots=True)
class MeterSample:
    """What the meter showed at one instant in one context.

    Attributes:
        sampled_at: UTC; the arrival where the station's time is of no use.
        energy_wh: The active import register, exact; None when not in this sample.
        power_w: Active import, summed over the phases.
        current_a: Import, summed over the phases (as OCPI counts it).
        voltage_v: Mean of the phases to neutral.
        soc_percent: 0 to 100.
        context: The reading context, such as ``Transaction.Begin``.
        location: Where the energy (else the first quantity) was measured.
        signed: Signed values, as sent.
        quirks: Names of what was tolerated.
    """

    sampled_at: datetime
    energy_wh: Decimal | None
    power_w: Decimal | None
    current_a: Decimal | None
    voltage_v: Decimal | None
    soc_percent: Decimal | None
    context: str
    location: str
    signed: tuple[SignedValue, ...] = ()
    quirks: tuple[str, ...] = ()

    @property
    def counts_for_energy(self) -> bool:
        """Whether the sample may move a transaction's energy.

        Clock-aligned values belong to the station's own time grid, not to the charge.
        """
        return self.energy_wh is not None and self.context != CLOCK_CONTEXT


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sampled value means, by all that is said beside its number.

    A station sends the same few for ever, so they are worked out once.

    Attributes:
        context: The reading context.
        location: Where it was measured.
        quantity: Which of ours it is; None for one that is not kept.
        line: The phase, empty for the total.
        exponent: Power of ten to our unit; None where the unit is unknown.
        quirk: The name of what is wrong with unit or multiplier, if anything.
    """

    context: str
    location: str
    quantity: str | None = None
    line: str = _TOTAL
    exponent: int | None = None
    quirk: str | None = None


_plans: dict[tuple[object, ...], Plan] = {}


def plan_of(
    measurand: str,
    context: str,
    location: str,
    phase: str | None,
    unit: str | None,
    multiplier: object = 0,
) -> Plan:
    """The plan of a sampled value, with the version's defaults filled in.

    Args:
        measurand: As the standards name it; others are not kept.
        context: The reading context.
        location: Where it was measured.
        phase: None or empty for the total.
        unit: None or empty when missing.
        multiplier: Power of ten, 0 when missing.
    """
    if type(multiplier) is not int:  # True and 1.0 would be found as 1
        return _make_plan(measurand, context, location, phase, unit, multiplier)
    key = (measurand, context, location, phase, unit, multiplier)
    plan = _plans.get(key)
    if plan is None:
        plan = _make_plan(*key)
        if sum(map(len, (measurand, context, location, phase or "", unit or ""))) <= (
            PLAN_LIMIT_CHARS
        ):
            if len(_plans) >= PLANS_MAX:
                _plans.clear()
            _plans[key] = plan
    return plan


def _make_plan(
    measurand: str,
    context: str,
    location: str,
    phase: str | None,
    unit: str | None,
    multiplier: object,
) -> Plan:
    quantity = _QUANTITY_BY_MEASURAND.get(measurand)
    line = _LINE.get(phase) if phase else _TOTAL
    if quantity is None or line is None:
        # Neutral, or line to line: no part of a sum.
        return Plan(context, location)
    exponent, found = _exponent(_EXPONENTS[quantity], unit or "", multiplier)
    return Plan(context, location, quantity, line, exponent, found)


def _exponent(
    exponents: dict[str, int], unit: str, multiplier: object
) -> tuple[int | None, str | None]:
    exponent = exponents.get(unit)
    if exponent is None:
        exponent = exponents.get(unit.strip().lower())
    if exponent is None:
        return None, quirk.UNKNOWN_UNIT
    if not multiplier:
        return exponent, None
    if not isinstance(multiplier, int) or multiplier not in MULTIPLIERS:
        return None, quirk.MULTIPLIER_OUT_OF_RANGE
    return exponent + multiplier, None


class Instant:
    """Collects the sampled values of one instant; ``samples`` gives what they say."""

    __slots__ = ("_groups",)

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._groups: dict[str, _Group] = {}

    def take(self, value: object, plan: Plan) -> None:
        """Take a number, as sent: text or number; of two equal ones the first counts.

        A value of None says nothing but that there was a sample.
        """
        context = plan.context
        group = self._groups.get(context)
        if group is None:
            group = self._groups[context] = _Group()
        if plan.quantity is not None and value is not None:
            group.take(value, plan.quantity, plan)

    def sign(self, signed: SignedValue, found: str | None = None) -> None:
        """Take a signed value, and the name of what was tolerated in reading it."""
        group = self._groups.get(signed.context)
        if group is None:
            group = self._groups[signed.context] = _Group()
        group.sign(signed, found)

    def samples(self, timestamp: object, *, received_at: datetime) -> list[MeterSample]:
        """Make one sample of each context, in the order they were taken.

        Args:
            timestamp: As sent. Where it cannot be read, or is of a clock that was
                never set, `received_at` counts.
            received_at: The arrival of the message, UTC.
        """
        sampled_at, time_quirk = parse_time(timestamp)
        if sampled_at is None or time_quirk == quirk.CLOCK_NOT_SET:
            sampled_at = received_at
        quirks = () if time_quirk is None else (time_quirk,)
        return [
            group.sample(sampled_at, context, quirks)
            for context, group in self._groups.items()
        ]


class _Group:
    """The readings of one instant and context."""

    __slots__ = ("_quirks", "_signed", "_values")

    def __init__(self) -> None:
        # quantity -> location -> phase -> value
        self._values: dict[str, dict[str, dict[str, Decimal]]] = {}
        self._signed: list[SignedValue] = []
        self._quirks: dict[str, None] = {}

    def sign(self, signed: SignedValue, found: str | None) -> None:
        self._signed.append(signed)
        if found is not None:
            self._quirks[found] = None

    def take(self, value: object, quantity: str, plan: Plan) -> None:
        number = self._number(value, quantity, plan)
        if number is None:
            return
        places = self._values.get(quantity)
        if places is None:
            self._values[quantity] = {plan.location: {plan.line: number}}
            return
        phases = places.get(plan.location)
        if phases is None:
            places[plan.location] = {plan.line: number}
        else:
            phases.setdefault(plan.line, number)

    def sample(
        self, sampled_at: datetime, context: str, quirks: tuple[str, ...]
    ) -> MeterSample:
        energy, location = self._total(_ENERGY, _LOCATIONS)
        power, power_location = self._total(_POWER, _LOCATIONS_WITH_EV)
        current, _ = self._total(_CURRENT, _LOCATIONS_WITH_EV)
        soc, _ = self._total(_SOC, ("EV", *_LOCATIONS))
        voltage = self._voltage()
        return MeterSample(
            sampled_at=sampled_at,
            energy_wh=energy,
            power_w=power,
            current_a=current,
            voltage_v=voltage,
            soc_percent=soc,
            context=context,
            location=location or power_location or DEFAULT_LOCATION,
            signed=tuple(self._signed),
            quirks=(*quirks, *self._quirks),
        )

    def _number(self, value: object, quantity: str, plan: Plan) -> Decimal | None:
        number, found = read_decimal(value)
        if found is not None:
            self._quirks[found] = None
        if plan.quirk is not None:
            self._quirks[plan.quirk] = None
        exponent = plan.exponent
        if number is None or exponent is None:
            return None
        if quantity == _SOC and not 0 <= number <= 100:
            self._quirks[quirk.SOC_OUT_OF_RANGE] = None
            return None
        return number.scaleb(exponent) if exponent else number

    def _total(
        self, quantity: str, locations: tuple[str, ...]
    ) -> tuple[Decimal | None, str]:
        places = self._values.get(quantity)
        if places is None:
            return None, ""
        for location in locations:
            phases = places.get(location)
            if phases is None:
                continue
            if _TOTAL in phases:
                return phases[_TOTAL], location
            if quantity == _ENERGY:
                self._quirks[quirk.PHASES_WITHOUT_TOTAL] = None
            return sum(phases.values(), Decimal(0)), location
        return None, ""

    def _voltage(self) -> Decimal | None:
        places = self._values.get(_VOLTAGE, {})
        for location in _LOCATIONS_WITH_EV:
            phases = places.get(location)
            if phases is None:
                continue
            if _TOTAL in phases:
                return phases[_TOTAL]
            return round(sum(phases.values(), Decimal(0)) / len(phases), 3)
        return None
