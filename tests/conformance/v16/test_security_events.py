"""Security events of the 1.6 security whitepaper."""

import pytest

from charge_points.events import SECURITY_EVENT_RAISED
from charge_points.models import SecurityEvent
from cpms.outbox.models import EventRecord
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db


def test_security_events_are_kept_and_told():
    station = Station("1.6")

    answer = station.call(
        "SecurityEventNotification",
        {"type": "TamperDetectionActivated", "timestamp": station.stamp},
    )

    assert answer == {}
    row = SecurityEvent.objects.get(charge_point_id=station.id)
    assert (row.kind, row.source, row.operator_id) == (
        "TamperDetectionActivated",
        "station",
        station.operator_id,
    )
    told = EventRecord.objects.filter(topic=SECURITY_EVENT_RAISED)
    assert [each.payload["kind"] for each in told] == ["TamperDetectionActivated"]
