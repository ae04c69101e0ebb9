"""A charge stops at the state of the battery that its driver set; both versions."""

import pytest

from charge_points.models import Command, Transaction
from charge_points.services import battery_limits, starting
from cpms.kernel.ids import new_order_number
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db
VERSIONS = ["1.6", "2.0.1"]


def asked(station):
    """An order whose start was asked for; its number."""
    number = new_order_number()
    starting.reserve(
        operator_id=station.operator_id,
        charge_point_identity=station.identity,
        evse=1,
        connector=1,
        order_number=number,
        at=station.now,
    )
    starting.request_start(
        order_number=number, energy_limit_wh=None, ends_by=None, at=station.now
    )
    return number


def event(station, kind, seq_no, samples=(), **more):
    return station.call(
        "TransactionEvent",
        {
            "eventType": kind,
            "timestamp": station.stamp,
            "triggerReason": "RemoteStart" if kind == "Started" else "Authorized",
            "seqNo": seq_no,
            "transactionInfo": {"transactionId": "tx"},
            "evse": {"id": 1, "connectorId": 1},
            **({"meterValue": [told(station, samples)]} if samples else {}),
            **more,
        },
    )


def told(station, samples):
    return {"timestamp": station.stamp, "sampledValue": samples}


class Charge:
    """A charge of an order."""

    def __init__(self, station, number):
        self.station, self.seq_no = station, 0
        if station.version == "1.6":
            answer = station.call(
                "StartTransaction",
                {
                    "connectorId": 1,
                    "idTag": number,
                    "meterStart": 0,
                    "timestamp": station.stamp,
                },
            )
            self.id = answer["transactionId"]
        else:
            token = {"idToken": number, "type": "Central"}
            event(station, "Started", 0, idToken=token)

    def battery(self, percent):
        """Meter values with the battery's state."""
        self.station.later(30)
        self.seq_no += 1
        sample = {"measurand": "SoC", "location": "EV"}
        if self.station.version == "1.6":
            sample |= {"value": str(percent), "unit": "Percent"}
            self.station.call(
                "MeterValues",
                {
                    "connectorId": 1,
                    "transactionId": self.id,
                    "meterValue": [told(self.station, [sample])],
                },
            )
        else:
            sample |= {"value": percent}
            event(self.station, "Updated", self.seq_no, [sample])


def stops():
    return list(Command.objects.filter(intent="stop").values_list("arguments__reason"))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_limit_of_before_the_start_stops_once_at_its_percentage(version):
    station = Station(version)
    number = asked(station)
    battery_limits.set_limit(order_number=number, soc_percent=80, at=station.now)
    charge = Charge(station, number)

    for percent in (55, 79.9):
        charge.battery(percent)
        assert stops() == []
    for percent in (80, 81):
        charge.battery(percent)
        assert stops() == [("battery limit",)]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_limit_of_a_running_charge_counts_at_once(version):
    station = Station(version)
    number = asked(station)
    charge = Charge(station, number)
    charge.battery(70)

    battery_limits.set_limit(order_number=number, soc_percent=90, at=station.now)
    assert stops() == []
    battery_limits.set_limit(order_number=number, soc_percent=70, at=station.now)
    assert stops() == [("battery limit",)]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_limit_can_be_taken_back(version):
    station = Station(version)
    number = asked(station)
    battery_limits.set_limit(order_number=number, soc_percent=60, at=station.now)
    charge = Charge(station, number)
    battery_limits.set_limit(order_number=number, soc_percent=None, at=station.now)

    charge.battery(95)
    assert stops() == []


@pytest.mark.parametrize(
    ("percent", "code"), [(0, "soc_invalid"), (101, "soc_invalid"), (50, "charge_over")]
)
def test_what_is_no_limit_is_refused(percent, code):
    station = Station("1.6")
    number = asked(station)
    Charge(station, number)
    Transaction.objects.update(
        state="ended", ended_at=station.now, energy_wh=0, end_received_at=station.now
    )
    starting.cancel(order_number=number, at=station.now)
    unknown = number if code == "soc_invalid" else "0" * 20
    with pytest.raises(battery_limits.UnableToLimitBattery) as refused:
        battery_limits.set_limit(
            order_number=unknown, soc_percent=percent, at=station.now
        )
    assert refused.value.code == code
