"""Charges as charge_points tells them, made by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from charge_points.queries import PeriodFact, SessionFacts

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def after(minutes):
    return NOON + timedelta(minutes=minutes)


def period(start, end, energy_wh, state="charging", **values):
    return PeriodFact(state, after(start), after(end), Decimal(energy_wh), **values)


def facts(*periods, **values):
    """Facts of a charge from noon to half past, 10 kWh."""
    energy_wh = sum(p.energy_wh for p in periods) if periods else 10_000
    known = {
        "transaction_id": 1,
        "operator_id": 1,
        "charge_point": "CP",
        "evse": 1,
        "connector": 1,
        "started_at": NOON,
        "ended_at": after(30),
        "unplugged_at": None,
        "meter_start_wh": Decimal(1000),
        "meter_stop_wh": Decimal(1000) + energy_wh,
        "energy_wh": int(energy_wh),
        "periods": periods,
        "estimated": False,
        "review_reason": None,
        "signed_values": (),
        "time_zone": "Europe/Berlin",
    }
    return SessionFacts(**{**known, **values})
