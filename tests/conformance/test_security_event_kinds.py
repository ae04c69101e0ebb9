"""How grave security events are, and that the table of the documents says the same."""

import re
from pathlib import Path

import pytest

from charge_points.models import SecurityEvent
from charge_points.services.security_kinds import (
    OF_PLATFORM,
    OF_STATIONS,
    severity_of,
)
from tests.conformance.stations import Station

PAGE = Path(__file__).parents[2] / "docs/explanation/public-keys.md"
ROW = re.compile(r"\| `(\w+)` \| (\w*) \| ([^|]*) \|")


def test_the_documents_table_is_the_table_in_use():
    shown = {
        kind: (first, last.strip()) for kind, first, last in ROW.findall(_events())
    }
    stations = {
        kind: (ranks.get("1.6", ""), ranks.get("2.0.1", ""))
        for kind, ranks in OF_STATIONS.items()
    }
    assert shown == stations | dict(OF_PLATFORM)


def _events():
    return PAGE.read_text().partition("## Security events")[2]


# 1.6: OCA, "Improved security for OCPP 1.6-J", edition 3, section 8.
# 2.0.1: part 2, appendices 1.4, appendix 1.
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("version", "kind", "severity"),
    [
        ("1.6", "TamperDetectionActivated", "critical"),
        ("1.6", "AttemptedReplayAttacks", "notice"),
        ("1.6", "FailedToAuthenticationAtCentralSystem", "notice"),
        ("1.6", "InvalidFirmwareSignature", "critical"),
        ("2.0.1", "InvalidFirmwareSignature", "critical"),
        ("2.0.1", "InvalidCsmsCertificate", "critical"),
        ("2.0.1", "InvalidCSMSCertificate", "critical"),
        ("2.0.1", "InvalidTLSVersion", "critical"),
        ("2.0.1", "MaintenanceLoginFailed", "critical"),
        ("2.0.1", "ReconfigurationOfSecurityParameters", "notice"),
        ("2.0.1", "DoorOpen", "notice"),
    ],
)
def test_an_event_of_a_station_is_as_grave_as_the_standard_says(
    version, kind, severity
):
    station = Station(version)
    sent = {"type": kind, "timestamp": station.stamp}
    station.call("SecurityEventNotification", sent)
    assert SecurityEvent.objects.get().severity == severity


def test_a_station_cannot_speak_for_the_platform():
    assert severity_of("ProofReplayed", "platform") == "critical"
    assert severity_of("ProofReplayed", "station") == "notice"
