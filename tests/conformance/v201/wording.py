"""What a 2.0.1 station sends of tokens, charges and connectors."""

import uuid

from charge_points.models import Transaction
from charge_points.services import id_tokens

V201 = "2.0.1"


def token(station, value="04AABBCC", **fields):
    id_tokens.put_policy(
        token=value,
        **{"status": "accepted", "operator_id": station.operator_id, **fields},
        at=station.now,
    )
    return {"idToken": value, "type": "ISO14443"}


class Charge:
    """A 2.0.1 transaction as its station tells it."""

    def __init__(self, station, evse=1):
        self.station, self.evse = station, evse
        self.id = str(uuid.uuid4())
        self.seq_no = -1

    def event(self, kind, trigger, *, wh=None, context=None, info=None, **fields):
        self.seq_no += 1
        payload = {
            "eventType": kind,
            "timestamp": self.station.stamp,
            "triggerReason": trigger,
            "seqNo": self.seq_no,
            "transactionInfo": {"transactionId": self.id, **(info or {})},
            "evse": {"id": self.evse, "connectorId": 1},
            **fields,
        }
        if wh is not None:
            sample = {"value": wh}
            if context:
                sample["context"] = context
            payload["meterValue"] = [
                {"timestamp": self.station.stamp, "sampledValue": [sample]}
            ]
        self.last = payload
        return self.station.call("TransactionEvent", payload)

    @property
    def row(self):
        return Transaction.objects.get(ocpp_id=self.id)


def status(station, word, evse=1):
    return station.call(
        "StatusNotification",
        {
            "timestamp": station.stamp,
            "connectorStatus": word,
            "evseId": evse,
            "connectorId": 1 if evse else 0,
        },
    )
