"""The OCPI CDR of a priced charge (OCPI 2.3.0, mod_cdrs)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from billing.models import Order
from billing.models.order import StartedBy
from billing.pricing import ChargingPeriod, PricedSession, Session, State
from charge_points.queries import SessionFacts

HOUR: Final = timedelta(hours=1)
DIGITS: Final = Decimal("0.0001")
_MICROSECOND: Final = timedelta(microseconds=1)

# OCPI's AuthMethod: how the platform let the charge begin.
_AUTH_METHODS: Final[Mapping[str, str]] = {
    StartedBy.TOKEN: "AUTH_REQUEST",
    StartedBy.PLUG_AND_CHARGE: "AUTH_REQUEST",
    StartedBy.OFFLINE: "WHITELIST",
}


def _text(value: Decimal) -> str:
    return f"{value:f}"


def exact_text(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The same JSON with decimals as text: numbers belong to the OCPI edge."""
    if isinstance(value, Decimal):
        return _text(value)
    if isinstance(value, Mapping):
        return {name: exact_text(item) for name, item in value.items()}
    if isinstance(value, list):
        return [exact_text(item) for item in value]
    return value


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


def taxes_json(priced: PricedSession) -> list[dict[str, Any]]:
    """The money per tax rate; it adds up to what is to be paid."""
    return [
        {
            "tax_rate": None if total.rate is None else _text(total.rate),
            "before_taxes_minor": total.before_minor,
            "taxes_minor": total.taxes_minor,
            "after_taxes_minor": total.after_minor,
        }
        for total in priced.tax_totals
    ]


def meter_json(facts: SessionFacts) -> dict[str, Any]:
    """What was measured, with registers as exact text, and signed values as sent."""
    return {
        "meter_begin_wh": _register(facts.meter_start_wh),
        "meter_end_wh": _register(facts.meter_stop_wh),
        "estimated": facts.estimated,
        "signed_values": list(facts.signed_values),
    }


def _register(value_wh: Decimal | None) -> str | None:
    return None if value_wh is None else _text(value_wh)


def credit_taxes(taxes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The money per tax rate of a credit."""
    return [
        {
            name: -value if name.endswith("_minor") else value
            for name, value in row.items()
        }
        for row in taxes
    ]


def credit_json(credited: Mapping[str, Any]) -> dict[str, Any]:
    """The credit of a CDR (10.1.1): its data again, with a negative total cost."""
    number = credited["id"]
    return {
        **credited,
        "id": f"{number}-C",
        "credit": True,
        "credit_reference_id": number,
        "total_cost": _negated(credited["total_cost"]),
    }


def _negated(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, Mapping):
        return {
            name: item if name == "name" else _negated(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_negated(item) for item in value]
    return _text(0 - Decimal(value))


def _period(period: ChargingPeriod, tariff_id: str) -> dict[str, Any]:
    length = Decimal((period.ends_at - period.starts_at) // _MICROSECOND)
    hours = (length / (HOUR // _MICROSECOND)).quantize(DIGITS)
    kind = "PARKING_TIME" if period.state is State.PARKING else "TIME"
    dimensions = [{"type": kind, "volume": _text(hours)}]
    if period.energy_wh:
        energy = Decimal(period.energy_wh) / 1000
        dimensions.append({"type": "ENERGY", "volume": _text(energy)})
    # Without its load nobody could price the period again where a tariff asks for it.
    # A period has one load; CURRENT and POWER themselves are not for CDRs.
    for name, load in (("CURRENT", period.current_a), ("POWER", period.power_kw)):
        if load is not None:
            dimensions += [
                {"type": f"{bound}_{name}", "volume": _text(load)}
                for bound in ("MIN", "MAX")
            ]
    return {
        "start_date_time": _utc(period.starts_at),
        "dimensions": dimensions,
        "tariff_id": tariff_id,
    }


def cdr_json(
    order: Order,
    session: Session,
    priced: PricedSession,
    *,
    sequence: int,
    at: datetime,
) -> dict[str, Any]:
    """The CDR object; decimals are strings here and numbers at the OCPI edge."""
    suffix = "" if sequence == 1 else f"-{sequence}"
    tariff_id = str(order.tariff.get("id", ""))
    totals: dict[str, Any] = exact_text(priced.to_ocpi())
    return {
        "id": f"{order.number}{suffix}",
        "start_date_time": _utc(session.periods[0].starts_at),
        "end_date_time": _utc(session.periods[-1].ends_at),
        "session_id": order.number,
        "auth_method": _AUTH_METHODS.get(order.started_by, "COMMAND"),
        "cdr_location": {
            "id": str(order.site_id or ""),
            "evse_uid": f"{order.charge_point}*{order.evse}",
            "connector_id": str(order.connector),
        },
        "tariffs": [order.tariff],
        "charging_periods": [_period(p, tariff_id) for p in session.periods],
        **totals,
        "rounding_policy": priced.rounding_policy,
        "last_updated": _utc(at),
    }


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
