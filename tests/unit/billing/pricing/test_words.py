"""A tariff in plain English."""

import pytest

from billing.pricing import describe
from tests.unit.billing.pricing.making import component, element, tariff

DAY_WEEK = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (tariff(element(component("FLAT", 0, step=0))), "Free of charge."),
        (
            tariff(element(component("ENERGY", 0)), min_price={"before_taxes": "0.00"}),
            "Free of charge.",
        ),
        (
            tariff(
                element(
                    component("FLAT", "0.50", vat=20),
                    component("ENERGY", "0.25", vat=10),
                    component("PARKING_TIME", "2.00", vat=20, step=900),
                ),
                max_price={"before_taxes": 10, "after_taxes": 11},
                min_price={"before_taxes": "0.5", "after_taxes": "0.55"},
            ),
            (
                "Start fee: 0.60 EUR. Energy: 0.275 EUR per kWh. Parking after "
                "charging: 2.40 EUR per hour, billed per 15 min. At least 0.55 EUR. "
                "At most 11.00 EUR. Prices include taxes."
            ),
        ),
        (
            tariff(
                element(
                    component("ENERGY", "0.30", step=500),
                    start_time="08:00",
                    end_time="00:00",
                    day_of_week=DAY_WEEK,
                ),
                element(
                    component("ENERGY", "0.25", step=2000),
                    end_time="06:00",
                    day_of_week=["SATURDAY", "SUNDAY"],
                ),
                element(component("ENERGY", 0), start_time="22:00"),
                element(component("ENERGY", "0.20")),
            ),
            (
                "Energy: 0.30 EUR per kWh, billed per 500 Wh (Mon–Fri, 08:00–24:00); "
                "otherwise 0.25 EUR per kWh, billed per 2 kWh (Sat Sun, 00:00–06:00); "
                "otherwise free (22:00–24:00); otherwise 0.20 EUR per kWh. "
                "Taxes may be added."
            ),
        ),
        (
            tariff(
                element(
                    component("TIME", 100, step=90),
                    min_duration=1800,
                    max_duration=7200,
                    min_kwh=0,
                    max_kwh="10.50",
                    min_power=11,
                    max_current=20,
                    start_date="2024-01-01",
                    end_date="2024-02-01",
                ),
                tax_included="N/A",
                currency="JPY",
                max_price={"before_taxes": 1000, "after_taxes": 1100},
            ),
            (
                "Charging time: 100 JPY per hour, billed per 90 s (from 2024-01-01, "
                "before 2024-02-01, from 30 min, below 2 h, below 10.5 kWh, from "
                "11 kW, below 20 A). At most 1000 JPY. No taxes apply."
            ),
        ),
        (
            tariff(
                element(
                    component("FLAT", 2),
                    component("TIME", 5),
                    reservation="RESERVATION",
                ),
                element(
                    component("FLAT", 4),
                    component("TIME", 6),
                    reservation="RESERVATION_EXPIRES",
                ),
                element(component("ENERGY", "0.44", vat=10)),
                tax_included="YES",
                min_price={"before_taxes": 1},
            ),
            (
                "Energy: 0.44 EUR per kWh. Reservation fee: 2.00 EUR. "
                "Reservation: 5.00 EUR per hour. Fee for an unused reservation: "
                "4.00 EUR. Unused reservation: 6.00 EUR per hour. "
                "At least 1.00 EUR before taxes. Prices include taxes."
            ),
        ),
        (
            tariff(
                element(
                    component("FLAT", 1, vat=0),
                    day_of_week=["SATURDAY", "SUNDAY", "MONDAY"],
                ),
                element(
                    component("FLAT", 2, vat=0),
                    day_of_week=["TUESDAY", "WEDNESDAY", "THURSDAY"],
                ),
                element(component("TIME", 3, vat=0, step=3600)),
            ),
            (
                "Start fee: 1.00 EUR (Mon Sat Sun); otherwise 2.00 EUR (Tue–Thu). "
                "Charging time: 3.00 EUR per hour, billed per 1 h. "
                "Prices include taxes."
            ),
        ),
        (
            tariff(
                element(component("ENERGY", 1, vat=10)),
                tax_included="N/A",
                min_price={"before_taxes": 1},
            ),
            "Energy: 1.00 EUR per kWh. At least 1.00 EUR. No taxes apply.",
        ),
        (
            tariff(
                element(component("ENERGY", 0, vat=10)), min_price={"before_taxes": 1}
            ),
            "Energy: free. At least 1.00 EUR. Taxes may be added.",
        ),
    ],
)
def test_the_text_says_every_price_and_its_conditions(rules, text):
    assert describe(rules) == text
