"""How fast the pure pricing engine rates sessions."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.bench.result import at_least

SECONDS = 3.0
TARGET_PER_S = 10_000

# Four elements: energy, time, parking and a flat fee, with restrictions.
TARIFF = {
    "country_code": "DE",
    "party_id": "BEN",
    "id": "four-elements",
    "currency": "EUR",
    "elements": [
        {
            "price_components": [
                {"type": "ENERGY", "price": 0.49, "vat": 19.0, "step_size": 1}
            ],
            "restrictions": {"start_time": "08:00", "end_time": "20:00"},
        },
        {
            "price_components": [
                {"type": "ENERGY", "price": 0.39, "vat": 19.0, "step_size": 1}
            ]
        },
        {
            "price_components": [
                {"type": "PARKING_TIME", "price": 6.0, "vat": 19.0, "step_size": 60}
            ],
            "restrictions": {"min_duration": 7200},
        },
        {"price_components": [{"type": "FLAT", "price": 0.5, "step_size": 1}]},
    ],
    "last_updated": "2026-01-01T00:00:00Z",
}


def rating():
    """CDRs per second on a four-element tariff, one core."""
    from billing.pricing import (  # noqa: PLC0415 - only where the engine is measured
        ChargingPeriod,
        Session,
        parse_tariff,
        rate,
    )

    tariff = parse_tariff(TARIFF)
    at = datetime(2026, 1, 5, 7, 30, tzinfo=UTC)
    sessions = []
    for number in range(200):
        starts_at = at + timedelta(minutes=number)
        middle = starts_at + timedelta(minutes=90)
        ends_at = middle + timedelta(minutes=45)
        sessions.append(
            Session(
                periods=(
                    ChargingPeriod(
                        state="charging", starts_at=starts_at, ends_at=middle,
                        energy_wh=Decimal(21_000 + number),
                    ),
                    ChargingPeriod(
                        state="parking", starts_at=middle, ends_at=ends_at,
                        energy_wh=Decimal(0),
                    ),
                ),
                time_zone="Europe/Berlin",
            )
        )  # fmt: skip
    done, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < SECONDS:
        for session in sessions:
            rate(tariff, session)
        done += len(sessions)
    return [at_least("rating", round(done / elapsed), "CDRs/s", target=TARGET_PER_S)]
