"""The OCPI CDR of a priced charge (OCPI 2.3.0, mod_cdrs)."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from billing.models import Order
from billing.pricing import PricedSession
from charge_points.queries import SessionFacts

_SECOND: Final = timedelta(seconds=1)


def _text(value: Decimal) -> str:
    return f"{value:f}"


def lines_json(priced: PricedSession) -> list[dict[str, Any]]:
    """Price lines with exact decimals as strings."""
    return [
        {
            "dimension": line.dimension,
            "volume": _text(line.volume),
            "billed_volume": _text(line.billed_volume),
            "unit_price": _text(line.unit_price),
            "tax_rate": None if line.tax_rate is None else _text(line.tax_rate),
            "before_taxes": _text(line.before_taxes),
            "taxes": _text(line.taxes),
            "after_taxes": _text(line.after_taxes),
        }
        for line in priced.lines
    ]


def _period(facts: SessionFacts, index: int, tariff_id: str) -> dict[str, Any]:
    period = facts.periods[index]
    hours = Decimal((period.ends_at - period.starts_at) // _SECOND) / 3600
    kind = "PARKING_TIME" if period.state == "parking" else "TIME"
    energy = Decimal(period.energy_wh) / 1000
    return {
        "start_date_time": _utc(period.starts_at),
        "dimensions": [
            {"type": kind, "volume": _text(round(hours, 4))},
            {"type": "ENERGY", "volume": _text(energy)},
        ],
        "tariff_id": tariff_id,
    }


def cdr_json(
    order: Order,
    facts: SessionFacts,
    priced: PricedSession,
    *,
    sequence: int,
    at: datetime,
) -> dict[str, Any]:
    """The CDR object; decimals are strings here and numbers at the OCPI edge."""
    suffix = "" if sequence == 1 else f"-{sequence}"
    tariff_id = str(order.tariff.get("id", ""))
    ended_at = order.unplugged_at or order.ended_at or at
    return {
        "id": f"{order.number}{suffix}",
        "start_date_time": _utc(facts.started_at),
        "end_date_time": _utc(ended_at),
        "session_id": order.number,
        "auth_method": "AUTH_REQUEST",
        "cdr_location": {
            "id": str(order.site_id or ""),
            "evse_uid": f"{order.charge_point}*{order.evse}",
            "connector_id": str(order.connector),
        },
        "currency": order.currency,
        "tariffs": [order.tariff],
        "charging_periods": [
            _period(facts, index, tariff_id) for index in range(len(facts.periods))
        ],
        "total_cost": {
            "before_taxes": _text(priced.before_taxes),
            "after_taxes": _text(priced.after_taxes),
        },
        "total_energy": _text(Decimal(facts.energy_wh) / 1000),
        "total_time": _text(
            round(Decimal((ended_at - facts.started_at) // _SECOND) / 3600, 4)
        ),
        "rounding_policy": priced.rounding_policy,
        "last_updated": _utc(at),
    }


def _utc(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")
