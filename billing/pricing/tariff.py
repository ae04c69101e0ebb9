"""The tariff of OCPI 2.2.1 and 2.3.0 (module Tariffs) as frozen values.

Both versions are one model here: 2.2.1 is 2.3.0 with ``tax_included`` NO and with
other names in its price limits; ``parsing`` and ``writing`` know the difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Dimension(StrEnum):
    """What a price component bills (TariffDimensionType)."""

    ENERGY = "ENERGY"
    FLAT = "FLAT"
    PARKING_TIME = "PARKING_TIME"
    TIME = "TIME"


class TaxIncluded(StrEnum):
    """What the prices of a tariff contain (2.3.0, TaxIncluded)."""

    YES = "YES"
    NO = "NO"
    NOT_APPLICABLE = "N/A"


class ReservationKind(StrEnum):
    """For which reservations an element is (ReservationRestrictionType)."""

    RESERVATION = "RESERVATION"
    EXPIRES = "RESERVATION_EXPIRES"


class TariffType(StrEnum):
    """For whom a tariff is (TariffType)."""

    AD_HOC_PAYMENT = "AD_HOC_PAYMENT"
    PROFILE_CHEAP = "PROFILE_CHEAP"
    PROFILE_FAST = "PROFILE_FAST"
    PROFILE_GREEN = "PROFILE_GREEN"
    REGULAR = "REGULAR"


class Day(StrEnum):
    """Day of the week, in the order of ``date.weekday()``."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


@dataclass(frozen=True, slots=True)
class PriceLimit:
    """A least or greatest price of a session; each part holds on its own.

    Args:
        before_taxes: the limit of the total without taxes.
        after_taxes: the limit of the total with taxes; None when it is not stated
            and follows from the other one.
    """

    before_taxes: Decimal
    after_taxes: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PriceComponent:
    """A price of one dimension.

    Args:
        type: the dimension.
        price: per kWh, per hour or once; with or without tax as the tariff says.
        step_size: billing block in Wh or seconds; 0 bills exact amounts.
        vat: tax rate in percent; None when none is stated.
    """

    type: Dimension
    price: Decimal
    step_size: int
    vat: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Restrictions:
    """When an element is active; everything that is stated must hold.

    Clock, dates and days are in the site's local time. ``min_*`` are inclusive,
    ``max_*`` and ``end_*`` exclusive. Energy in kWh, current in A summed over the
    phases, power in kW, durations in seconds since the session began.
    """

    start_time: time | None = None
    end_time: time | None = None
    start_date: date | None = None
    end_date: date | None = None
    min_kwh: Decimal | None = None
    max_kwh: Decimal | None = None
    min_current: Decimal | None = None
    max_current: Decimal | None = None
    min_power: Decimal | None = None
    max_power: Decimal | None = None
    min_duration: int | None = None
    max_duration: int | None = None
    day_of_week: tuple[Day, ...] = ()
    reservation: ReservationKind | None = None


UNRESTRICTED = Restrictions()


@dataclass(frozen=True, slots=True)
class TariffElement:
    """Price components that share their restrictions."""

    price_components: tuple[PriceComponent, ...]
    restrictions: Restrictions = UNRESTRICTED


@dataclass(frozen=True, slots=True)
class IdleFee:
    """Which of the parking time after the charge PARKING_TIME counts for.

    OCPI has no words for it, so a tariff says it in the additional field
    ``idle_fee``: ``{"grace_seconds": 600, "cap_seconds": 14400}``.

    Args:
        grace_s: the first seconds of all parking of a session are free.
        cap_s: at most so many seconds after them cost anything; None: all.
    """

    grace_s: int = 0
    cap_s: int | None = None


@dataclass(frozen=True, slots=True)
class DisplayText:
    """A text in one language."""

    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Validity:
    """When and for whom a tariff may be sold; what is None bounds nothing.

    Args:
        type: for whom.
        start_at: from when on (start_date_time), inclusive.
        end_at: until when (end_date_time), exclusive.
    """

    type: TariffType | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None


@dataclass(frozen=True)
class Tariff:
    """An OCPI tariff. The order of its elements is a part of its meaning.

    Amounts are in units of ``currency`` (ISO 4217), not in minor units.
    """

    id: str
    currency: str
    elements: tuple[TariffElement, ...]
    tax_included: TaxIncluded = TaxIncluded.NO
    country_code: str | None = None
    party_id: str | None = None
    type: TariffType | None = None
    min_price: PriceLimit | None = None
    max_price: PriceLimit | None = None
    preauthorize_amount: Decimal | None = None
    tariff_alt_text: tuple[DisplayText, ...] = ()
    tariff_alt_url: str | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    energy_mix: Mapping[str, Any] | None = field(default=None, hash=False)
    idle_fee: IdleFee | None = None
    last_updated_at: datetime | None = None
    derived: dict[str, Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Forms of this tariff that the engine computes once and keeps (not a fact)."""
