"""The public event catalogue: what operators' systems can be told.

A topic of the outbox becomes public by standing here. Types are stable; payloads only
gain fields. docs/reference/events.md is made from this table.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind of event.

    Args:
        topic: its name in the outbox.
        type: its public name, ``<thing>.<what happened>``.
        text: when it happens.
        fields: name -> meaning, of ``data``.
    """

    topic: str
    type: str
    text: str
    fields: dict[str, str]


_TRANSACTION: Final = {
    "transaction_id": "our id of the OCPP transaction",
    "order_number": "the order, null before there is one",
}
_PLACE: Final = {
    "charge_point": "identity of the charge point",
    "evse": "EVSE number",
    "connector": "connector number",
}
_STATION: Final = {
    "charge_point_id": "our id",
    "charge_point": "identity of the charge point",
}
_PAYMENT: Final = {"payment_id": "our id", "order_number": "the order"}
_MONEY: Final = {
    "amount_minor": "in minor units of the currency",
    "currency": "ISO 4217",
}
_ROLLOUT: Final = {
    "campaign_id": "our id",
    "name": "as staff called it",
    "firmware_version": "what is to be installed",
    "succeeded": "charge points that have it now",
    "failed": "charge points that could not take it",
    "skipped": "charge points that had it before",
    "not_reached": "charge points without result",
}
_AT: Final = {"at": "instant, ISO 8601 UTC"}
_BEGUN: Final = {
    **_TRANSACTION,
    **_PLACE,
    "started_at": "instant, ISO 8601 UTC",
    "started_by": "order, token, offline, plug_and_charge, pending or refused",
    "meter_start_wh": "register at the begin",
}

CATALOGUE: Final[tuple[EventType, ...]] = (
    EventType(
        "ChargePointConnected",
        "charge_point.connected",
        "A charge point came online.",
        {**_STATION, "version": "OCPP version", **_AT},
    ),
    EventType(
        "ChargePointDisconnected",
        "charge_point.disconnected",
        "A charge point went offline.",
        {**_STATION, **_AT},
    ),
    EventType(
        "ConnectorStatusChanged",
        "connector.status_changed",
        "A connector has another status.",
        {"connector_id": "our id", **_PLACE, "status": "its status now", **_AT},
    ),
    EventType(
        "Unplugged",
        "connector.unplugged",
        "The vehicle was unplugged; the idle phase is over.",
        {**_TRANSACTION, **_PLACE, **_AT},
    ),
    EventType(
        "SecurityEventRaised",
        "security_event.raised",
        "Something that whoever guards the network should look at.",
        {
            "charge_point_id": "our id, null for the whole network",
            "charge_point": 'its identity, "network" for the whole network',
            "kind": "what it is",
            "severity": "critical or notice",
            **_AT,
        },
    ),
    EventType(
        "StationCertificateExpiring",
        "station_certificate.expiring",
        "A charge point has not renewed its certificate, and time runs out.",
        {**_STATION, "ends_at": "instant at which it ends", **_AT},
    ),
    EventType("TransactionStarted", "transaction.started", "A charge began.", _BEGUN),
    EventType(
        "TransactionOrderAttached",
        "transaction.order_attached",
        "A running transaction got its order.",
        _BEGUN,
    ),
    EventType(
        "TransactionEnded",
        "transaction.ended",
        "A charge ended; the plug may still be in.",
        {
            **_TRANSACTION,
            "ended_at": "instant, ISO 8601 UTC",
            "energy_wh": "energy of the charge",
            "stop_reason": "the station's reason",
            "estimated": "true when the end was not reported",
            "review_reason": "why a person must look, or null",
            "unplugged": "true when the plug is out",
        },
    ),
    EventType(
        "TransactionCorrected",
        "transaction.corrected",
        "Late facts changed a charge that had ended.",
        _TRANSACTION,
    ),
    EventType(
        "StartFailed",
        "start.failed",
        "A start was refused by the station, or it could not be asked.",
        {"order_number": "the order", "reason": "why"},
    ),
    EventType(
        "StartTimedOut",
        "start.timed_out",
        "No transaction followed a start in time.",
        {"order_number": "the order"},
    ),
    EventType(
        "PaymentAuthorized",
        "payment.authorized",
        "The hold stands.",
        {**_PAYMENT, "hold_minor": "in minor units", "currency": "ISO 4217"},
    ),
    EventType(
        "PaymentDeclined",
        "payment.declined",
        "There is no hold.",
        {**_PAYMENT, "decline_code": "the provider's", "message": "in words"},
    ),
    EventType(
        "PaymentCaptured",
        "payment.captured",
        "Money is on the operator's account.",
        {
            **_PAYMENT,
            **_MONEY,
            "application_fee_minor": "the platform's fee in it",
            "receivable_minor": "what is still owed",
        },
    ),
    EventType(
        "PaymentReleased",
        "payment.released",
        "The hold is gone, nothing was taken.",
        {**_PAYMENT, "reason": "why"},
    ),
    EventType(
        "PaymentReceivable",
        "payment.receivable",
        "Nothing could be taken; the driver owes the operator.",
        {**_PAYMENT, **_MONEY, "reason": "why"},
    ),
    EventType(
        "ReceivablePaid",
        "receivable.paid",
        "A debt was collected.",
        {**_PAYMENT, **_MONEY, "receivable_id": "our id"},
    ),
    EventType(
        "PaymentRefunded",
        "payment.refunded",
        "Money went back to the driver.",
        {
            **_PAYMENT,
            **_MONEY,
            "refunded_minor": "so far",
            "full": "true when all went back",
        },
    ),
    EventType(
        "PaymentCorrected",
        "payment.corrected",
        "The money followed a bill that late facts had changed, or cannot.",
        {
            **_PAYMENT,
            "currency": "ISO 4217",
            "correction_id": "our id",
            "difference_minor": "by how much the bill changed; negative: lower",
            "moved_minor": "how much of it is settled",
            "stuck": "true when only a person can settle the rest",
            "note": "why, in words",
        },
    ),
    EventType(
        "CorrectionWaits",
        "order.correction_waits",
        "Late facts would change a bill, and a person must decide.",
        {"order_number": "the order", "reason": "why, in words"},
    ),
    EventType(
        "RefundFailed",
        "refund.failed",
        "A refund was refused.",
        {**_PAYMENT, "refund_id": "our id", "code": "why", "message": "in words"},
    ),
    EventType(
        "PaymentDisputed",
        "payment.disputed",
        "The payer's bank took the money back for now.",
        {**_PAYMENT, "dispute": "the provider's reference"},
    ),
    EventType(
        "DisputeDueSoon",
        "dispute.due_soon",
        "A dispute must be answered soon.",
        {**_PAYMENT, "dispute": "the provider's reference"},
    ),
    EventType(
        "DisputeClosed",
        "dispute.closed",
        "A dispute was decided.",
        {**_PAYMENT, "dispute": "the provider's reference"},
    ),
    EventType(
        "PayeeAccountDegraded",
        "payee_account.degraded",
        "The account still takes payments; the provider wants something soon.",
        {
            "payee_account_id": "our id",
            "requirements_due": "what the provider asks for",
            "due_by": "until when, or null",
            "payouts_enabled": "false when money cannot be paid out",
        },
    ),
    EventType(
        "ReservationChanged",
        "reservation.changed",
        "A reservation became active or ended.",
        {
            "reservation_id": "our id",
            "charge_point_id": "our id",
            "evse": "EVSE number, 0 for any",
            "id_token": "who it is for",
            "state": "its state now",
            "active_from": "instant, or null",
            "expires_at": "instant",
            "transaction_id": "the charge that used it, or null",
            **_AT,
        },
    ),
    EventType(
        "StationEventRaised",
        "station_event.raised",
        "A monitor of a charge point raised an alarm, or took it back.",
        {
            "charge_point_id": "our id",
            "event_id": "the charge point's number of it",
            "component": "what it is about",
            "variable": "which value of it",
            "actual_value": "the value",
            "severity": "0 (danger) to 9 (debug), or null",
            "is_cleared": "true when it is over",
            **_AT,
        },
    ),
    EventType(
        "FirmwareStatusChanged",
        "firmware.status_changed",
        "A firmware update went on, or ended.",
        {
            "charge_point_id": "our id",
            "request_id": "of the update",
            "status": "the charge point's word",
            **_AT,
        },
    ),
    EventType(
        "FirmwareCampaignPaused",
        "firmware_campaign.paused",
        "A firmware campaign stopped by itself: too many charge points failed.",
        {**_ROLLOUT, "reason": "failures (of all) or quota (of a wave)", **_AT},
    ),
    EventType(
        "FirmwareCampaignFinished",
        "firmware_campaign.finished",
        "The result of a firmware campaign's last charge point is there.",
        {**_ROLLOUT, "state": "finished or aborted", **_AT},
    ),
    EventType(
        "LogStatusChanged",
        "log.status_changed",
        "A log is on its way, arrived, or will not come.",
        {
            "charge_point_id": "our id",
            "request_id": "of the log",
            "status": "the charge point's word",
            **_AT,
        },
    ),
    EventType(
        "PayeeAccountChanged",
        "payee_account.changed",
        "What the provider lets the operator's account do has changed.",
        {"payee_account_id": "our id", "charges_enabled": "true when it can be paid"},
    ),
)

TEST_TYPE: Final = "webhook.test"
"""Sent on request only, to try an endpoint."""

BY_TOPIC: Final = {entry.topic: entry for entry in CATALOGUE}
TYPES: Final = tuple(entry.type for entry in CATALOGUE)


def reference() -> str:
    """The page docs/reference/events.md."""
    lines = [
        "# Events",
        "",
        "What operators' systems are told by webhook. Made from",
        "`cpms/notifications/catalogue.py` by `manage.py event_catalogue`. A body is",
        '`{"id", "type", "timestamp", "operator", "data"}`; `data` holds the fields',
        "below and may gain others. Signature, retries and replay: see",
        "[how to receive webhooks](../how-to/receive-webhooks.md).",
        "",
        "| type | when | fields of `data` |",
        "|---|---|---|",
    ]
    for entry in sorted(CATALOGUE, key=lambda each: each.type):
        fields = "; ".join(f"`{name}`: {text}" for name, text in entry.fields.items())
        lines.append(f"| `{entry.type}` | {entry.text} | {fields} |")
    lines.append(f"| `{TEST_TYPE}` | You asked for it, to try the endpoint. | |")
    return "\n".join(lines) + "\n"
