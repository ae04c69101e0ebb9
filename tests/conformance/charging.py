"""Who may charge at a station, and how a charge begins there."""

from charge_points.models import Transaction
from charge_points.services import id_tokens
from cpms.outbox.models import EventRecord


def allow(station, *tokens, **fields):
    for value in tokens:
        id_tokens.put_policy(
            token=value,
            **{"status": "accepted", "operator_id": station.operator_id, **fields},
            at=station.now,
        )


def start(station, token, evse=1, number=None):
    if station.version == "1.6":
        extra = {} if number is None else {"reservationId": number}
        return station.call(
            "StartTransaction",
            {
                "connectorId": evse,
                "idTag": token,
                "meterStart": 0,
                "timestamp": station.stamp,
                **extra,
            },
        )["idTagInfo"]["status"]
    extra = {} if number is None else {"reservationId": number}
    answer = station.call(
        "TransactionEvent",
        {
            "eventType": "Started",
            "timestamp": station.stamp,
            "triggerReason": "Authorized",
            "seqNo": 0,
            "transactionInfo": {"transactionId": f"tx-{token}-{evse}"},
            "evse": {"id": evse, "connectorId": 1},
            "idToken": {"idToken": token, "type": "ISO14443"},
            **extra,
        },
    )
    return answer["idTokenInfo"]["status"]


def charge(station):
    allow(station, "A1")
    start(station, "A1")
    return Transaction.objects.get(charge_point_id=station.id)


def topics():
    return list(EventRecord.objects.order_by("id").values_list("topic", flat=True))
