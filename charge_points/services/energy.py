"""Energy of a charge from register readings: pure, exact, suspicious.

OCPP gives the register, not the energy. Chargers restart it, send 0 for a begin that
they do not know, or a unit that is off by a thousand (design page 3.4): whatever is
not plausible is settled as well as can be and handed to a person.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

NOTHING: Final = Decimal(0)
UNKNOWN_POWER_W: Final = 400_000
"""Taken where nobody said what a connector can give: today's largest ones."""
POWER_TOLERANCE: Final = Decimal("1.2")
CLOCK_TOLERANCE: Final = timedelta(minutes=15)
"""A charger's clock may jump by so much within a charge before energy looks wrong."""

METER_TOLERANCE_WH: Final = Decimal(10)
"""Registers are told in whole Wh here and in rounded kWh there: that is no fall."""
DISAGREEMENT_WH: Final = Decimal(100)
DISAGREEMENT_SHARE: Final = Decimal("0.01")

HARMLESS_WH: Final = Decimal(100)
"""So much may flow until a station obeys a refusal: a few seconds of a quick one."""

NO_METER_VALUES: Final = "no_meter_values"
METER_START_MISSING: Final = "meter_start_missing"
METER_REGRESSION: Final = "meter_regression"
METER_RESET: Final = "meter_reset"
BEGIN_PLACEHOLDER: Final = "begin_placeholder"
ENERGY_JUMP: Final = "energy_jump"
METER_DISAGREEMENT: Final = "meter_disagreement"


@dataclass(slots=True)
class Register:
    """Running values of one charge.

    ``start_wh`` is the register at the start, ``last_wh`` the newest reading by the
    station's time. ``gain_wh`` sums up all rises, ``regressed`` says that there was a
    fall (a reset, or a reading out of order that was told with a wrong time).
    """

    start_wh: Decimal | None = None
    last_wh: Decimal | None = None
    last_at: datetime | None = None
    gain_wh: Decimal = NOTHING
    regressed: bool = False

    def advance(self, energy_wh: Decimal, at: datetime) -> bool:
        """Take a reading; one that is not newer than the last changes nothing.

        Returns:
            Whether it was taken.
        """
        if self.last_at is not None and at <= self.last_at:
            return False
        before = self.last_wh if self.last_wh is not None else self.start_wh
        if self.start_wh is None:
            self.start_wh = energy_wh
        elif before is not None and energy_wh >= before:
            self.gain_wh += energy_wh - before
        elif before is not None and energy_wh < before - METER_TOLERANCE_WH:
            self.regressed = True
        self.last_wh = energy_wh
        self.last_at = at
        return True


@dataclass(frozen=True, slots=True)
class Span:
    """How long a charge ran, on the kinder of two clocks, and what could flow."""

    started_at: datetime
    ended_at: datetime
    max_power_w: int

    def possible_wh(self, until: datetime | None = None) -> Decimal:
        """The most that could flow from the start on."""
        duration = max((until or self.ended_at) - self.started_at, timedelta())
        seconds = Decimal((duration + CLOCK_TOLERANCE) // timedelta(seconds=1))
        power_w = self.max_power_w or UNKNOWN_POWER_W
        return power_w * seconds / 3600 * POWER_TOLERANCE


@dataclass(frozen=True, slots=True)
class Settlement:
    """The energy of a charge. ``review_reason`` empty: nothing to look at."""

    energy_wh: Decimal
    start_wh: Decimal | None
    stop_wh: Decimal | None
    estimated: bool
    review_reason: str = ""


@dataclass(frozen=True, slots=True)
class Ends:
    """Registers at begin and end, from wherever the station told them.

    ``begin_wh`` and ``end_wh`` are samples of the contexts Transaction.Begin and
    Transaction.End; ``stop_wh`` is the stop message's own (1.6). ``first`` is the
    first reading after the start, with its time.
    """

    stop_wh: Decimal | None = None
    begin_wh: Decimal | None = None
    end_wh: Decimal | None = None
    first: tuple[datetime, Decimal] | None = None


def settle(register: Register, ends: Ends, span: Span) -> Settlement:
    """Settle the energy of a charge that ended.

    Samples of the contexts Begin and End are preferred as a pair. Without any register
    at the end the last sample counts, and the result is estimated.

    Args:
        register: the running values, all samples taken.
        ends: registers at begin and end.
        span: the time and the power of the charge.
    """
    start_wh, stop_wh = register.start_wh, ends.stop_wh
    disagrees = False
    if ends.begin_wh is not None and ends.end_wh is not None:
        disagrees = _disagree(ends, start_wh)
        start_wh, stop_wh = ends.begin_wh, ends.end_wh
    elif stop_wh is None:
        stop_wh = ends.end_wh
    estimated = stop_wh is None
    if stop_wh is None:
        stop_wh = register.last_wh
    if start_wh is None or stop_wh is None:
        reason = NO_METER_VALUES if stop_wh is None else METER_START_MISSING
        return Settlement(NOTHING, start_wh, stop_wh, estimated, reason)
    energy_wh, reason = _judge(register, start_wh, stop_wh, span)
    if ends.first is not None and _is_placeholder(start_wh, ends.first, span):
        # What stood before the first reading is unknown, so nobody pays for it.
        start_wh, reason = ends.first[1], BEGIN_PLACEHOLDER
        energy_wh = max(stop_wh - start_wh, NOTHING)
    if disagrees and not reason:
        reason = METER_DISAGREEMENT
    return Settlement(energy_wh, start_wh, stop_wh, estimated, reason)


def _judge(
    register: Register, start_wh: Decimal, stop_wh: Decimal, span: Span
) -> tuple[Decimal, str]:
    """Energy between two registers, and what is wrong with it."""
    if register.regressed:
        return _gain(register, stop_wh), METER_RESET
    last_wh = register.last_wh if register.last_wh is not None else start_wh
    if stop_wh < max(start_wh, last_wh) - METER_TOLERANCE_WH:
        return max(register.gain_wh, stop_wh - start_wh, NOTHING), METER_REGRESSION
    energy_wh = max(stop_wh - start_wh, NOTHING)
    return energy_wh, ENERGY_JUMP if energy_wh > span.possible_wh() else ""


def _disagree(ends: Ends, start_wh: Decimal | None) -> bool:
    """Whether the messages' own registers tell another energy than the samples."""
    if None in {ends.stop_wh, ends.begin_wh, ends.end_wh, start_wh}:
        return False
    told = (ends.stop_wh or NOTHING) - (start_wh or NOTHING)
    measured = (ends.end_wh or NOTHING) - (ends.begin_wh or NOTHING)
    limit = max(DISAGREEMENT_WH, abs(measured) * DISAGREEMENT_SHARE)
    return abs(told - measured) > limit


def _gain(register: Register, stop_wh: Decimal) -> Decimal:
    """All rises, with the one up to the stop."""
    if register.last_wh is None or stop_wh <= register.last_wh:
        return register.gain_wh
    return register.gain_wh + stop_wh - register.last_wh


def _is_placeholder(
    start_wh: Decimal, first: tuple[datetime, Decimal], span: Span
) -> bool:
    """Whether a start of 0 stands for a register that the station did not know."""
    return start_wh == 0 and first[1] > span.possible_wh(first[0])
