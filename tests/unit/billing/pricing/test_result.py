"""What a price says of itself: lines, usage, totals per dimension."""

from datetime import timedelta
from decimal import Decimal

import pytest

from billing.pricing import PriceLine, rate
from billing.pricing.result import Cost, Usage
from billing.pricing.tariff import Dimension
from tests.unit.billing.pricing.making import (
    MONDAY,
    component,
    element,
    session,
    tariff,
)

RULES = tariff(
    element(
        component("FLAT", "2.00", vat=20),
        component("TIME", "3.00", vat=20, step=600),
        reservation="RESERVATION",
    ),
    element(
        component("FLAT", "0.50", vat=20, step=0),
        component("ENERGY", "0.25", vat=10, step=500),
        component("PARKING_TIME", "6.00", vat=20, step=300),
    ),
    max_price={"before_taxes": 100, "after_taxes": 120},
)
FACTS = session(
    ("reserved", 22), ("charging", 60, "9.8"), ("parking", 42, "0.1"), ("charging", 5)
)


def _line(dimension, **fields):
    plain = {
        "dimension": dimension,
        "reservation": False,
        "element": 1,
        "tax_rate": Decimal(20),
        "unit_price": fields["component_price"],
    }
    return PriceLine(**plain | fields)


def test_a_line_says_what_was_measured_billed_and_at_which_price():
    assert rate(RULES, FACTS).lines == (
        _line(
            "FLAT",
            reservation=True,
            element=0,
            component_price=Decimal(2),
            step_size=1,
            volume=1,
            billed_volume=1,
            before_taxes=2,
            taxes=Decimal("0.4"),
            after_taxes=Decimal("2.4"),
        ),
        _line(
            "TIME",
            reservation=True,
            element=0,
            component_price=Decimal(3),
            step_size=600,
            volume=Decimal("0.366666666667"),
            billed_volume=Decimal("0.5"),
            before_taxes=Decimal("1.5"),
            taxes=Decimal("0.3"),
            after_taxes=Decimal("1.8"),
        ),
        _line(
            "FLAT",
            component_price=Decimal("0.5"),
            step_size=0,
            volume=1,
            billed_volume=1,
            before_taxes=Decimal("0.5"),
            taxes=Decimal("0.1"),
            after_taxes=Decimal("0.6"),
        ),
        _line(
            "ENERGY",
            tax_rate=Decimal(10),
            component_price=Decimal("0.25"),
            step_size=500,
            volume=Decimal("9.9"),
            billed_volume=10,
            before_taxes=Decimal("2.5"),
            taxes=Decimal("0.25"),
            after_taxes=Decimal("2.75"),
        ),
        _line(
            "PARKING_TIME",
            component_price=Decimal(6),
            step_size=300,
            volume=Decimal("0.7"),
            billed_volume=Decimal("0.75"),
            before_taxes=Decimal("4.5"),
            taxes=Decimal("0.9"),
            after_taxes=Decimal("5.4"),
        ),
    )


def test_usage_is_what_was_measured_priced_or_not():
    assert rate(RULES, FACTS).usage == Usage(
        starts_at=MONDAY,
        ends_at=MONDAY + timedelta(minutes=129),
        energy_kwh=Decimal("9.9"),
        charging_hours=Decimal("1.083333333333"),
        parking_hours=Decimal("0.7"),
        reservation_hours=Decimal("0.366666666667"),
    )


def test_totals_per_dimension():
    priced = rate(RULES, FACTS)
    assert priced.cost_of(Dimension.PARKING_TIME) == Cost(
        Decimal("4.5"), Decimal("0.9"), Decimal("5.4")
    )
    assert priced.cost_of("TIME") == Cost(Decimal(0), Decimal(0), Decimal(0))
    assert priced.cost_of("TIME", reservation=True).after_taxes == Decimal("1.8")
    assert list(priced.dimension_totals) == [
        "FLAT",
        "ENERGY",
        "PARKING_TIME",
        "RESERVATION",
    ]
    assert priced.reservation_cost.before_taxes == Decimal("3.5")
    assert (priced.before_taxes, priced.taxes) == (11, Decimal("1.95"))
    assert (priced.currency, priced.total_minor) == ("EUR", 1295)


@pytest.mark.parametrize(
    ("price", "unit_price"), [("0.44", "0.4"), ("0.10", "0.090909090909")]
)
def test_the_unit_price_of_included_taxes_is_without_them(price, unit_price):
    rules = tariff(element(component("ENERGY", price, vat=10)), tax_included="YES")
    [line] = rate(rules, session(("charging", 60, 1))).lines
    assert line.unit_price == Decimal(unit_price)
    assert line.component_price == Decimal(price)


def test_the_plan_of_a_tariff_is_made_once_and_is_no_part_of_it():
    first, second = (tariff(element(component("ENERGY", 1))) for _ in range(2))
    rate(first, session(("charging", 60, 1)))
    made = dict(first.derived)
    rate(first, session(("charging", 30, 1)))
    assert first.derived["plan"] is made["plan"]
    assert first == second
    assert hash(first) == hash(second)
