"""Display messages and network profiles are sent by forms made from their schemas."""

import pytest
from django.urls import reverse

from charge_points.admin.schema_forms import SchemaForm, leaves
from charge_points.models import Command, DisplayMessage
from charge_points.ocpp.schemas import MESSAGE_SETS, call_schema
from charge_points.services.commands import secrets
from cpms.accounts.models import AuditEntry
from tests.conformance.stations import Station
from tests.integration.charge_points.admin_world import make_staff

pytestmark = pytest.mark.django_db
SHOW = reverse("admin:charge_points_displaymessage_add")
PROFILE = reverse("admin:charge_points_networkprofile_add")
SLOT = {
    "configurationSlot": "0",
    "connectionData.messageTimeout": "30",
    "connectionData.ocppCsmsUrl": "wss://example.org/ocpp",
    "connectionData.ocppInterface": "Wired0",
    "connectionData.ocppTransport": "JSON",
    "connectionData.ocppVersion": "OCPP20",
    "connectionData.securityProfile": "0",
}
TEXT = {
    "message.message.content": "Closed tonight",
    "message.message.format": "UTF8",
    "message.priority": "NormalCycle",
}


@pytest.fixture
def staff(client):
    """A technician's browser, and its station."""
    station = Station("2.0.1")
    client.force_login(make_staff("t@example.org", station.operator_id, "technician"))
    return client, station


def post(staff, as_role, address, **fields):
    client, station = staff
    with as_role("app"):
        return client.post(
            address, {"charge_point": station.identity, "key": "k", **fields}
        )


def test_the_form_has_a_field_for_each_value(staff, as_role):
    with as_role("app"):
        page = staff[0].get(SHOW).content.decode()
    for name in ("message.priority", "message.message.content", "message.display.name"):
        assert f'name="{name}"' in page
    assert "customData" not in page


def test_a_message_is_queued_with_an_id_of_its_own(staff, as_role):
    DisplayMessage.objects.create(
        operator_id=staff[1].operator_id,
        charge_point_id=staff[1].id,
        message_id=7,
        priority="InFront",
        format="UTF8",
        content="Old",
        set_at=staff[1].now,
    )
    answer = post(
        staff,
        as_role,
        SHOW,
        **TEXT,
        **{"message.startDateTime": "2030-05-04 12:00", "message.state": "Idle"},
    )
    row = Command.objects.get()

    assert answer.url == reverse("admin:charge_points_command_change", args=[row.pk])
    assert row.action == "SetDisplayMessage"
    assert row.payload == {
        "message": {
            "id": 8,
            "priority": "NormalCycle",
            "state": "Idle",
            "startDateTime": "2030-05-04T12:00:00Z",
            "message": {"format": "UTF8", "content": "Closed tonight"},
        }
    }
    assert AuditEntry.objects.filter(action="display_message.queued").exists()


def test_a_second_click_is_the_same_message(staff, as_role):
    for _ in range(2):
        post(staff, as_role, SHOW, **TEXT, **{"message.id": "3"})

    assert Command.objects.get().payload["message"]["id"] == 3


def test_a_network_profile_keeps_zeros_and_hides_its_secrets(staff, as_role):
    vpn = {
        "key": "shared",
        "password": "hidden",
        "server": "vpn.example.org",
        "type": "IKEv2",
        "user": "me",
    }
    fields = {f"connectionData.vpn.{name}": value for name, value in vpn.items()}
    post(staff, as_role, PROFILE, **SLOT, **fields)
    row = Command.objects.get()
    sent = secrets.opened(row.payload, row.sealed_payload)

    assert sent["configurationSlot"] == sent["connectionData"]["securityProfile"] == 0
    assert sent["connectionData"]["vpn"] == vpn
    assert "apn" not in sent["connectionData"]
    assert "hidden" not in str(row.payload)


def test_half_an_object_is_refused_in_words(staff, as_role):
    answer = post(staff, as_role, PROFILE, **SLOT, **{"connectionData.vpn.server": "x"})

    assert "breaks the schema" in answer.content.decode()
    assert not Command.objects.exists()


def test_a_station_of_1_6_is_refused_in_words(client, as_role):
    station = Station("1.6")
    client.force_login(make_staff("t@example.org", station.operator_id, "technician"))
    answer = post((client, station), as_role, SHOW, **TEXT)

    assert "has no action" in answer.content.decode()
    assert not Command.objects.exists()


def test_a_viewer_sends_nothing(client, as_role):
    station = Station("2.0.1")
    client.force_login(make_staff("v@example.org", station.operator_id, "viewer"))

    assert post((client, station), as_role, SHOW, **TEXT).status_code == 403
    assert not Command.objects.exists()


def test_every_message_of_2_0_1_has_fields_or_lists():
    for action in MESSAGE_SETS["2.0.1"].outgoing:
        names = [path for path, _, _ in leaves(call_schema("2.0.1", action).document)]
        assert len(names) == len(set(names)), action


def test_each_form_names_an_action_that_goes_out():
    forms = SchemaForm.__subclasses__()
    assert {form.action for form in forms} == {"SetDisplayMessage", "SetNetworkProfile"}
    for form in forms:
        assert form.action in MESSAGE_SETS["2.0.1"].outgoing
