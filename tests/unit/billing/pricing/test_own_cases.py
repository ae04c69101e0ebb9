"""Sessions with totals worked out by hand: one table, every rule at least once."""

import pytest

from billing.pricing import rate
from tests.unit.billing.pricing.making import (
    component,
    element,
    session,
    tariff,
    totals,
)
from tests.unit.billing.pricing.own_tariffs import (
    BOOKED,
    BOTH_FEES,
    ENERGY,
    ENERGY_STEP,
    FEE_LATER,
    FIRST_FREE,
    FLAT,
    LAPSING,
    LOADS,
    PARKING,
    STEPS,
    TIME,
    TIME_AND_PARKING,
    at,
    windows,
)

CASES = {
    "energy is billed per started Wh": (
        tariff(element(component(ENERGY, "0.25"))),
        session(("charging", 10, "0.1152")),
        ("0.029", "0.029"),
    ),
    "energy in blocks": (
        tariff(element(component(ENERGY, "0.25", step=500))),
        session(("charging", 10, "0.1152")),
        ("0.125", "0.125"),
    ),
    "a block of 0 bills what was measured": (
        tariff(element(component(ENERGY, "0.25", step=0))),
        session(("charging", 10, "0.1152")),
        ("0.0288", "0.0288"),
    ),
    "time in blocks": (
        tariff(element(component(TIME, "1.90", vat="5.2", step=300))),
        session(("charging", 146, 20)),
        ("4.75", "4.997"),
    ),
    "parking in blocks after charging as measured": (
        tariff(
            element(
                component(TIME, 3, vat=10, step=60),
                component(PARKING, 5, vat=20, step=300),
            )
        ),
        session(("charging", 150, 20), ("parking", 42)),
        ("11.25", "12.75"),
    ),
    "weekend, high current, parking across its window": (
        LOADS,
        session(("charging", 114, 40, 43), ("parking", 71), at=at(2024, 6, 8, 11, 30)),
        ("12.375", "13.975"),
    ),
    "weekday, high current": (
        LOADS,
        session(("charging", 61, 40, 32)),
        (f"{'4.833333333333'}", "5.675"),
    ),
    "no element for the time of day: free": (
        LOADS,
        session(("parking", 60), at=at(2024, 6, 8, 16)),
        ("2.5", "2.875"),
    ),
    "reservation with fee, then a charge with fee": (
        BOOKED,
        session(("reserved", 13), ("charging", 120, 20)),
        ("8.75", "10"),
    ),
    "reservation used in time": (
        LAPSING,
        session(("reserved", 22), ("charging", 60, 20)),
        ("7", "7.9"),
    ),
    "the time of an expired reservation is that of the expiry": (
        LAPSING,
        session(("reservation_expired", 90)),
        ("9", "10.8"),
    ),
    "an expired reservation pays both fees and the time": (
        BOTH_FEES,
        session(("reservation_expired", 55)),
        ("7", "8.4"),
    ),
    "a used reservation pays no expiry": (
        BOTH_FEES,
        session(("reserved", 55), ("charging", 5, 1)),
        ("3", "3.6"),
    ),
    "charging is not rounded when parking follows": (
        TIME_AND_PARKING,
        session(("charging", 21, 1), ("parking", 16)),
        ("1.016666666667", "1.016666666667"),
    ),
    "the last of the two is rounded when charging resumes": (
        TIME_AND_PARKING,
        session(("charging", 21, 1), ("parking", 30), ("charging", 4, 1)),
        ("1.5", "1.5"),
    ),
    "one block over a switch of price, the last price counts": (
        STEPS,
        session(("charging", 35, 1), at=at(2024, 6, 3, 14, 35)),
        ("1.3", "1.3"),
    ),
    "parking before the free hours is rounded by its own block": (
        STEPS,
        session(("charging", 12, 1), ("parking", 20), at=at(2024, 6, 3, 17, 40)),
        ("0.73", "0.73"),
    ),
    "parking only in free hours leaves charging the last one": (
        STEPS,
        session(("charging", 10, 1), ("parking", 2), at=at(2024, 6, 3, 17, 55)),
        ("0.6", "0.6"),
    ),
    "energy and duration tiers": (
        FIRST_FREE,
        session(("charging", 30, 20), ("parking", 165)),
        ("8.55", "8.55"),
    ),
    "energy rounded on the session total over a price change": (
        ENERGY_STEP,
        session(
            ("charging", 60, "4.3"), ("charging", 60, "1.1"), at=at(2024, 6, 3, 14)
        ),
        ("1.184", "1.184"),
    ),
    "energy cut at the boundary by its share of time": (
        ENERGY_STEP,
        session(("charging", 120, 9), at=at(2024, 6, 3, 14)),
        ("2.115", "2.115"),
    ),
    "time rounded on the session total over a price change": (
        windows((5, 600, "00:00", "17:00"), (7, 600, "17:00", "00:00")),
        session(("charging", 28, 1), at=at(2024, 6, 3, 14, 54)),
        ("3.3", "3.3"),
    ),
    "a fee is due when its element becomes active": (
        FEE_LATER,
        session(("charging", 120, 10), at=at(2024, 6, 3, 15)),
        ("4", "4"),
    ),
    "a fee that never becomes active is not due": (
        FEE_LATER,
        session(("charging", 60, 10), at=at(2024, 6, 3, 15)),
        ("1", "1"),
    ),
    "a window past midnight": (
        windows((6, 0, "22:00", "02:00"), (1, 0, "02:00", "22:00")),
        session(("charging", 360, 1), at=at(2024, 6, 3, 19)),
        ("26", "26"),
    ),
    "equal times are the whole day": (
        windows((6, 0, "08:00", "08:00")),
        session(("charging", 1440, 1)),
        ("144", "144"),
    ),
    "only an end": (
        tariff(element(component(TIME, 6, step=0), end_time="11:00")),
        session(("charging", 120, 1)),
        ("6", "6"),
    ),
    "the day of the week is that of the moment, not of the window's start": (
        tariff(
            element(
                component(TIME, 6, step=0),
                start_time="22:00",
                end_time="02:00",
                day_of_week=["MONDAY"],
            )
        ),
        session(("charging", 1440 + 120, 1), at=at(2024, 6, 2, 22)),
        ("24", "24"),
    ),
    "dates: the first day counts, the last one does not": (
        tariff(
            element(
                component(TIME, 1, step=0),
                start_date="2024-02-28",
                end_date="2024-03-01",
            )
        ),
        session(("charging", 5 * 1440, 1), at=at(2024, 2, 26, 23)),
        ("48", "48"),
    ),
    "measured power below a limit, unmeasured is energy over time": (
        tariff(
            element(component(ENERGY, "0.20"), max_power=16),
            element(component(ENERGY, "0.50"), min_power=16),
        ),
        session(
            ("charging", 10, 1, None, 15.999), ("charging", 60, 16), ("charging", 60, 1)
        ),
        ("8.4", "8.4"),
    ),
    "unmeasured current is above no limit": (
        tariff(
            element(component(TIME, 9, step=0), min_current=10, max_current=20),
            element(component(TIME, 1, step=0), max_current=32),
            element(component(TIME, 2, step=0)),
        ),
        session(("charging", 60, 1), ("charging", 60, 1, 20), ("charging", 60, 1, 32)),
        ("4", "4"),
    ),
    "a threshold of energy within a period": (
        tariff(
            element(component(ENERGY, "0.30"), max_kwh="7.5"),
            element(component(ENERGY, "0.10")),
        ),
        session(("charging", 45, 10), ("charging", 45, 1)),
        ("2.6", "2.6"),
    ),
    "a threshold of energy cuts the time, too": (
        tariff(
            element(component(TIME, 6, step=0), max_kwh="7.5"),
            element(component(TIME, 0, step=0)),
        ),
        session(("charging", 60, 10)),
        ("4.5", "4.5"),
    ),
    "thresholds that later periods reach": (
        tariff(
            element(component(ENERGY, "0.50"), max_kwh=15),
            element(component(ENERGY, "0.20"), max_kwh=30),
            element(component(ENERGY, "0.10")),
        ),
        session(("charging", 45, 10), ("charging", 45, 12), ("parking", 45, 13)),
        ("11", "11"),
    ),
    "a meter that counts finer than µWh is cut exactly": (
        tariff(
            element(component(ENERGY, 1, step=0), max_kwh=1),
            element(component(ENERGY, 2, step=0)),
        ),
        session(("charging", 60, "2.00000000005")),
        ("3.0000000001", "3.0000000001"),
    ),
    "energy that came in no time": (
        tariff(
            element(component(ENERGY, "0.30"), max_kwh=2),
            element(component(ENERGY, "0.20"), min_kwh=2, max_kwh=5),
            element(component(ENERGY, "0.10"), min_power=1),
            element(component(ENERGY, "0.05")),
        ),
        session(("charging", 0, 10), ("charging", 60, 0)),
        ("1.45", "1.45"),
    ),
    "minutes that are free by duration, counted from the charge, not the booking": (
        tariff(element(component(PARKING, 6, step=60), min_duration=3600)),
        session(("reserved", 90), ("charging", 30, 5), ("parking", 40)),
        ("1", "1"),
    ),
    "duration of a booking counts from the booking": (
        tariff(
            element(
                component(TIME, 6, step=60),
                min_duration=900,
                reservation="RESERVATION",
            )
        ),
        session(("reserved", 25), ("charging", 30, 5)),
        ("1", "1"),
    ),
    "energy during parking is energy": (
        tariff(element(component(ENERGY, "0.30"))),
        session(("charging", 60, 10), ("parking", 60, "0.5")),
        ("3.15", "3.15"),
    ),
    "taxes included": (
        tariff(
            element(component(ENERGY, "0.44", vat=10), component(FLAT, "1.20", vat=20)),
            tax_included="YES",
        ),
        session(("charging", 60, 10)),
        ("5", "5.6"),
    ),
    "no taxes apply, whatever a component says": (
        tariff(element(component(ENERGY, "0.44", vat=10)), tax_included="N/A"),
        session(("charging", 60, 10)),
        ("4.4", "4.4"),
    ),
    "least price after taxes only": (
        tariff(
            element(component(ENERGY, "0.10", vat=20)),
            min_price={"before_taxes": 1, "after_taxes": "1.30"},
        ),
        session(("charging", 60, 10)),
        ("1", "1.3"),
    ),
    "least price without its taxes takes the session's": (
        tariff(
            element(component(ENERGY, "0.10", vat=20)), min_price={"before_taxes": 2}
        ),
        session(("charging", 60, 10)),
        ("2", "2.4"),
    ),
    "least price of nothing takes the tariff's tax rate": (
        tariff(
            element(component(ENERGY, "0.10", vat=20)), min_price={"before_taxes": 2}
        ),
        session(("charging", 60, 0)),
        ("2", "2.4"),
    ),
    "least price of nothing without one tax rate has none": (
        tariff(
            element(component(ENERGY, "0.1", vat=20), component(TIME, 1, vat=5)),
            min_price={"excl_vat": 2},
        ),
        session(("parking", 60)),
        ("2", "2"),
    ),
    "a reservation has no least price": (
        tariff(element(component(ENERGY, "0.10")), min_price={"before_taxes": 2}),
        session(("reservation_expired", 60)),
        ("0", "0"),
    ),
    "greatest price before taxes only": (
        tariff(
            element(component(ENERGY, "1.00", vat=20)), max_price={"before_taxes": 5}
        ),
        session(("charging", 60, 10)),
        ("5", "6"),
    ),
    "greatest price where no taxes apply": (
        tariff(
            element(component(ENERGY, "1.00", vat=20)),
            tax_included="N/A",
            max_price={"before_taxes": 5, "after_taxes": 6},
        ),
        session(("charging", 60, 10)),
        ("5", "5"),
    ),
    "greatest price of a reservation": (
        tariff(
            element(component(TIME, 10), reservation="RESERVATION"),
            max_price={"before_taxes": 5, "after_taxes": 5},
        ),
        session(("reservation_expired", 60)),
        ("5", "5"),
    ),
    "limits that were not reached": (
        tariff(
            element(component(ENERGY, "1.00", vat=20)),
            min_price={"before_taxes": 5},
            max_price={"before_taxes": 50},
        ),
        session(("charging", 60, 10)),
        ("10", "12"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_total_is_what_was_worked_out_by_hand(name):
    rules, facts, expected = CASES[name]
    assert totals(rate(rules, facts)) == expected
