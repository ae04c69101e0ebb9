"""What a 1.6 station sends of tokens, charges and connectors."""

from charge_points.services import id_tokens

V16 = "1.6"


def token(station, value="04AABBCC", **fields):
    id_tokens.put_policy(
        token=value,
        **{"status": "accepted", "operator_id": station.operator_id, **fields},
        at=station.now,
    )
    return value


def start(station, id_tag, connector=1, meter=1000):
    return station.call(
        "StartTransaction",
        {
            "connectorId": connector,
            "idTag": id_tag,
            "meterStart": meter,
            "timestamp": station.stamp,
        },
    )


def meter_value(station, wh, **extra):
    return {
        "timestamp": station.stamp,
        "sampledValue": [{"value": str(wh), "unit": "Wh"}],
        **extra,
    }


def status(station, word, connector=1, error="NoError"):
    return station.call(
        "StatusNotification",
        {
            "connectorId": connector,
            "status": word,
            "errorCode": error,
            "timestamp": station.stamp,
        },
    )
