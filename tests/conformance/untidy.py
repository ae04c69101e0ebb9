"""A 1.6 station of a fixed time that says what real stations say."""

from datetime import UTC, datetime

import pytest

from tests.conformance.stations import Station

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)

at_database = pytest.mark.django_db


def zulu(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def begin(station, token="A1", meter=0, at=None, evse=1, **more):
    """The whole answer to a StartTransaction."""
    sent = {
        "connectorId": evse,
        "idTag": token,
        "meterStart": meter,
        "timestamp": zulu(at or station.now),
        **more,
    }
    return station.call("StartTransaction", sent)


def stop(station, number, meter, at=None, **more):
    sent = {
        "transactionId": number,
        "meterStop": meter,
        "timestamp": zulu(at or station.now),
        **more,
    }
    return station.call("StopTransaction", sent)


def values(station, *samples, number=None, connector=1, at=None):
    sent = {
        "connectorId": connector,
        "meterValue": [
            {"timestamp": zulu(at or station.now), "sampledValue": list(samples)}
        ],
    }
    if number is not None:
        sent["transactionId"] = number
    return station.call("MeterValues", sent)


def old(**more):
    return Station("1.6", now=NOON, **more)
