"""What billing knows of a disputed charge, put together for the payer's bank."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from billing.models import Order
from billing.services import receipts
from billing.services.documents.words import LANGUAGES
from charge_points.queries import (
    PeriodFact,
    SessionFacts,
    charging_session,
    connector_view,
)
from settlement.services import disputes
from settlement.services.disputes import EvidenceFacts

METER_LINES_MAX: Final = 200
"""A bank reads no more; the first and the last readings are always there."""

REFUND_POLICY: Final = (
    "Energy that was delivered is paid for. The operator refunds what was not "
    "delivered or wrongly priced; the driver reaches it by the receipt."
)
_HOW: Final = {
    "certificate": "One-time charging certificate of the station, claimed with a "
    "signed proof of the enrolled vehicle or in the driver's own account",
    "driver_api": "Started in the driver's own account",
    "guest": "Paid by the payer on the payment provider's page at the station",
    "token": "Charging card or app token of the driver's account",
    "offline": "Charging card or app token of the driver's account, station offline",
    "operator": "Started by the operator",
    "plug_and_charge": "Contract certificate of the vehicle (ISO 15118), proved to the "
    "station when it was plugged in",
}
_UNITS: Final = {"ENERGY": " kWh", "TIME": " h", "PARKING_TIME": " h"}
_DIGITS: Final = Decimal("0.0001")


def gather(*, order_number: str, dispute_id: int) -> bool:
    """Write the evidence pack of a dispute; False when there is nothing to answer."""
    order = (
        Order.objects.select_related("operator", "driver", "vehicle")
        .filter(number=order_number)
        .first()
    )
    if order is None or order.started_at is None:
        return False
    facts = _facts(order, order.started_at)
    try:
        disputes.assemble(dispute_id=dispute_id, facts=facts)
    except disputes.UnableToAnswerDispute:
        return False  # answered or decided meanwhile
    return True


def _facts(order: Order, started_at: datetime) -> EvidenceFacts:
    view = connector_view(order.charge_point, order.evse, order.connector)
    site = f"{view.site}, " if view is not None and view.site else ""
    session = charging_session(order.transaction_id) if order.transaction_id else None
    receipt = receipts.latest(order)
    email = order.contact_email or (order.driver.email if order.driver else "")
    return EvidenceFacts(
        place=f"{site}{order.charge_point}, EVSE {order.evse} ({order.operator.name})",
        started_at=started_at,
        ended_at=order.ended_at,
        energy_wh=order.energy_wh or 0,
        meter=_meter(session),
        receipt_number="" if receipt is None else str(receipt.number),
        receipt_text="" if receipt is None else _receipt_text(receipt.body),
        payer_email=email,
        authorisation=_authorisation(order),
        refund_policy=REFUND_POLICY,
    )


def _authorisation(order: Order) -> str:
    how = _HOW.get(order.started_by, order.started_by)
    who = f"; vehicle {order.vehicle.fingerprint[:16]}" if order.vehicle else ""
    return f"{how}{who}; order {order.number}"


def _meter(session: SessionFacts | None) -> tuple[str, ...]:
    if session is None:
        return ()
    lines = [_reading(period) for period in session.periods]
    if len(lines) > METER_LINES_MAX:
        half = METER_LINES_MAX // 2
        left_out = len(lines) - 2 * half
        lines = [*lines[:half], f"… {left_out} readings …", *lines[-half:]]
    registers = (
        f"register {_wh(session.meter_start_wh)} to {_wh(session.meter_stop_wh)}"
    )
    return (registers, *lines)


def _reading(period: PeriodFact) -> str:
    return (
        f"{period.starts_at:%Y-%m-%dT%H:%M:%SZ} to {period.ends_at:%H:%M:%SZ}: "
        f"{_wh(period.energy_wh)} ({period.state})"
    )


def _wh(value: Decimal | None) -> str:
    return "not known" if value is None else f"{value.normalize() + 0:f} Wh"


def _receipt_text(body: dict[str, Any]) -> str:
    english = LANGUAGES["en"]
    lines = [
        f"{english.dimensions.get(line['dimension'], line['dimension'])}: "
        f"{line['billed_volume']}{_UNITS.get(line['dimension'], '')} at "
        f"{line['unit_price']}: {_shown(line['before_taxes'])} before taxes, "
        f"{_shown(line['after_taxes'])} with taxes"
        for line in body["lines"]
    ]
    total = english.money(body["amount_minor"], body["currency"])
    lines.append(f"Total {total}, taxes included")
    if body.get("corrects") is not None:
        lines.append(f"It takes the place of receipt {body['corrects']}.")
    return "\n".join(lines)


def _shown(exact: str) -> str:
    return f"{Decimal(exact).quantize(_DIGITS, ROUND_HALF_UP):f}"
