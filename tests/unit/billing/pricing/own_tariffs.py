"""Tariffs of the sessions with totals worked out by hand."""

from datetime import UTC, datetime

from tests.unit.billing.pricing.making import component, element, tariff

ENERGY, FLAT, TIME, PARKING = "ENERGY", "FLAT", "TIME", "PARKING_TIME"


def at(*numbers):
    return datetime(*numbers, tzinfo=UTC)


def windows(*prices, **extra):
    """TIME per hour: (price, step, from, until) each."""
    return tariff(
        *(
            element(component(TIME, p, step=s), start_time=a, end_time=b)
            for p, s, a, b in prices
        ),
        **extra,
    )


DAY_WEEK = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]

LOADS = tariff(
    element(component(FLAT, "2.50", vat=15)),
    element(component(TIME, "1.00", vat=20, step=900), max_current=32),
    element(
        component(TIME, "2.00", vat=20, step=600), min_current=32, day_of_week=DAY_WEEK
    ),
    element(
        component(TIME, "1.25", vat=20, step=600),
        min_current=32,
        day_of_week=["SATURDAY", "SUNDAY"],
    ),
    element(
        component(PARKING, "6.00", vat=10, step=300),
        start_time="10:00",
        end_time="17:00",
        day_of_week=["SATURDAY"],
    ),
)

BOOKED = tariff(
    element(
        component(FLAT, "2.00", vat=20),
        component(TIME, "5.00", vat=20, step=300),
        reservation="RESERVATION",
    ),
    element(component(FLAT, "0.50", vat=20), component(ENERGY, "0.25", vat=10)),
)

LAPSING = tariff(
    element(component(TIME, "3.00", vat=20, step=600), reservation="RESERVATION"),
    element(
        component(TIME, "6.00", vat=20, step=600), reservation="RESERVATION_EXPIRES"
    ),
    element(component(FLAT, "0.50", vat=20), component(ENERGY, "0.25", vat=10)),
)

BOTH_FEES = tariff(
    element(component(FLAT, 4, vat=20), reservation="RESERVATION_EXPIRES"),
    element(
        component(FLAT, 1, vat=20),
        component(TIME, 2, vat=20, step=600),
        reservation="RESERVATION",
    ),
)

TIME_AND_PARKING = tariff(
    element(component(TIME, "1.00", step=600), component(PARKING, "2.00", step=600))
)

STEPS = tariff(
    element(
        component(TIME, "1.20", step=1800),
        component(PARKING, "1.00", step=900),
        start_time="00:00",
        end_time="17:00",
    ),
    element(
        component(TIME, "2.40", step=900),
        component(PARKING, "1.00", step=900),
        start_time="17:00",
        end_time="20:00",
    ),
    element(component(TIME, "2.40", step=900), start_time="20:00", end_time="00:00"),
)

FIRST_FREE = tariff(
    element(component(PARKING, 0, step=60), max_duration=3600),
    element(component(PARKING, 2, step=60), min_duration=3600, max_duration=10800),
    element(component(PARKING, 3, step=60), min_duration=10800),
    element(component(ENERGY, 0), max_kwh=1),
    element(component(ENERGY, "0.20"), min_kwh=1),
)

ENERGY_STEP = tariff(
    element(component(ENERGY, "0.20", step=500), end_time="17:00"),
    element(component(ENERGY, "0.27", step=500), start_time="17:00"),
)

FEE_LATER = tariff(
    element(component(FLAT, 3), start_time="18:00", end_time="06:00"),
    element(component(ENERGY, "0.10")),
)
