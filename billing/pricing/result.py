"""What a session costs: lines, totals and their OCPI form."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from billing.pricing.exact import PLAIN_DIGITS, rounded, sum_of
from billing.pricing.tariff import Dimension
from billing.pricing.writing import check_version

MIN_PRICE: Final = "MIN_PRICE"
MAX_PRICE: Final = "MAX_PRICE"

TAX_NAME: Final = "VAT"
"""Name of a tax in OCPI's list of taxes, where a tariff states only its percentage."""


@dataclass(frozen=True, slots=True)
class Cost:
    """An exact amount: 4 decimals, or 12 where it has no end."""

    before_taxes: Decimal
    taxes: Decimal
    after_taxes: Decimal


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One line of a price.

    Args:
        dimension: ENERGY, TIME, PARKING_TIME, FLAT; MIN_PRICE and MAX_PRICE are the
            difference that a price limit makes (negative for MAX_PRICE).
        reservation: whether it is for the reservation, not for the charge.
        element: index of the tariff element; None for a price limit.
        component_price: as the tariff states it, per kWh, per hour or once.
        unit_price: the same before taxes.
        tax_rate: percent; None when the tariff states none.
        step_size: billing block of the component in Wh or seconds, 0 for none.
        volume: measured kWh, hours, or 1 for FLAT.
        billed_volume: the same with what the billing block adds.
        before_taxes: exact amount.
        taxes: exact amount.
        after_taxes: exact amount.
    """

    dimension: str
    reservation: bool
    element: int | None
    component_price: Decimal
    unit_price: Decimal
    tax_rate: Decimal | None
    step_size: int
    volume: Decimal
    billed_volume: Decimal
    before_taxes: Decimal
    taxes: Decimal
    after_taxes: Decimal


@dataclass(frozen=True, slots=True)
class TaxTotal:
    """The part of the total that has one tax rate, exact and as money."""

    rate: Decimal | None
    before_taxes: Decimal
    taxes: Decimal
    after_taxes: Decimal
    before_minor: int
    taxes_minor: int
    after_minor: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What was measured, priced or not: kWh and hours."""

    starts_at: datetime
    ends_at: datetime
    energy_kwh: Decimal
    charging_hours: Decimal
    parking_hours: Decimal
    reservation_hours: Decimal


@dataclass(frozen=True, slots=True)
class PricedSession:
    """A session's price.

    Args:
        currency: ISO 4217.
        lines: they add up to the totals exactly.
        before_taxes: exact total.
        after_taxes: exact total.
        total_minor: what is to be paid, in minor units, taxes included.
        tax_totals: per tax rate; their money adds up to ``total_minor``.
        rounding_policy: id of the rule that made the money.
        usage: measured quantities.
    """

    currency: str
    lines: tuple[PriceLine, ...]
    before_taxes: Decimal
    after_taxes: Decimal
    total_minor: int
    tax_totals: tuple[TaxTotal, ...]
    rounding_policy: str
    usage: Usage

    @property
    def taxes(self) -> Decimal:
        """Exact taxes of the total."""
        return sum_of((self.after_taxes, self.before_taxes.copy_negate()))

    @property
    def before_minor(self) -> int:
        """The total before taxes in minor units."""
        return sum(total.before_minor for total in self.tax_totals)

    @property
    def taxes_minor(self) -> int:
        """The taxes in minor units."""
        return sum(total.taxes_minor for total in self.tax_totals)

    def cost_of(self, dimension: Dimension | str, *, reservation: bool = False) -> Cost:
        """What one dimension costs; zero when nothing of it was billed."""
        return _cost(
            line
            for line in self.lines
            if line.dimension == dimension and line.reservation is reservation
        )

    @property
    def reservation_cost(self) -> Cost:
        """What the reservation costs, fees and time."""
        return _cost(line for line in self.lines if line.reservation)

    @property
    def dimension_totals(self) -> dict[str, Cost]:
        """Costs per dimension of the charge, price limits, and ``RESERVATION``."""
        names = dict.fromkeys(
            line.dimension for line in self.lines if not line.reservation
        )
        totals = {name: self.cost_of(name) for name in names}
        if any(line.reservation for line in self.lines):
            totals["RESERVATION"] = self.reservation_cost
        return totals

    def to_ocpi(self, version: str = "2.3.0") -> dict[str, Any]:
        """The ``total_*`` fields of an OCPI CDR, amounts half up to 4 decimals.

        Raises:
            UnableToWriteTariff: another version than 2.2.1 and 2.3.0.
        """
        check_version(version)
        usage = self.usage
        total = Cost(self.before_taxes, self.taxes, self.after_taxes)
        # total_time is that of the charge, parked or charging, not of a reservation.
        hours = sum_of((usage.charging_hours, usage.parking_hours))
        document: dict[str, Any] = {
            "currency": self.currency,
            "total_cost": _price(total, version),
            "total_fixed_cost": _price(self.cost_of(Dimension.FLAT), version),
            "total_energy": rounded(usage.energy_kwh, PLAIN_DIGITS),
            "total_energy_cost": _price(self.cost_of(Dimension.ENERGY), version),
            "total_time": rounded(hours, PLAIN_DIGITS),
            "total_time_cost": _price(self.cost_of(Dimension.TIME), version),
            "total_parking_time": rounded(usage.parking_hours, PLAIN_DIGITS),
            "total_parking_cost": _price(self.cost_of(Dimension.PARKING_TIME), version),
        }
        if any(line.reservation for line in self.lines):
            document["total_reservation_cost"] = _price(self.reservation_cost, version)
        return document


def _cost(lines: Iterable[PriceLine]) -> Cost:
    chosen = tuple(lines)
    return Cost(
        before_taxes=sum_of(line.before_taxes for line in chosen),
        taxes=sum_of(line.taxes for line in chosen),
        after_taxes=sum_of(line.after_taxes for line in chosen),
    )


def _price(cost: Cost, version: str) -> dict[str, Any]:
    """A Price of OCPI; the tax is what the two rounded amounts differ by."""
    before = rounded(cost.before_taxes, PLAIN_DIGITS)
    after = rounded(cost.after_taxes, PLAIN_DIGITS)
    if version == "2.2.1":
        return {"excl_vat": before, "incl_vat": after}
    taxes = sum_of((after, before.copy_negate()))
    return {
        "before_taxes": before,
        "taxes": [{"name": TAX_NAME, "amount": taxes}] if taxes else [],
    }
