"""Certificates on a station's display, and stations that are told of an early end."""

from datetime import timedelta

import pytest
from django.utils import timezone

from charge_points.handlers.asking import check
from charge_points.handlers.v16.outgoing import outgoing_v16
from charge_points.handlers.v201.outgoing import outgoing_v201
from charge_points.models import ChargingCertificate, Command, DeviceVariable
from charge_points.services import certificates, displays
from charge_points.services.commands import secrets
from charge_points.services.masking import mask_payload
from tests.factories import accounts, network
from tests.outbox import drain


@pytest.fixture
def station(db):
    return network.station(accounts.operator(default_language="de"))


def with_display(station, formats="URI,UTF8", available="true"):
    now = timezone.now()
    for variable, value in (
        ("Available", available),
        ("DisplayMessageSupportedFormats", formats),
    ):
        DeviceVariable.objects.create(
            operator_id=station.operator_id,
            charge_point_id=station.id,
            component="DisplayMessageCtrlr",
            variable=variable,
            value=value,
            updated_at=now,
            changed_at=now,
        )


def plug_in(station, at=None):
    station.status("occupied", at)
    drain()


def asked(action):
    """The commands, with what is sent instead of what is shown."""
    rows = list(Command.objects.filter(action=action).order_by("pk"))
    for row in rows:
        row.payload = secrets.opened(row.payload, row.sealed_payload)
    return rows


def test_a_plug_in_shows_the_page_of_a_certificate(station):
    with_display(station)
    plug_in(station)
    row = ChargingCertificate.objects.get()
    assert (row.requested_by, row.state) == ("display", "issued")
    (command,) = asked("SetDisplayMessage")
    message = command.payload["message"]
    assert message["message"]["format"] == "URI"
    address, _, rest = message["message"]["content"].partition("/display")
    assert rest == "?language=de"
    view = certificates.verify(presented=address, at=timezone.now())
    assert view.jti == row.jti
    assert message["endDateTime"] == displays.iso(row.expires_at)


def test_what_is_shown_is_what_the_specification_allows(station):
    with_display(station)
    plug_in(station)
    station.status("available")
    for action in ("SetDisplayMessage", "ClearDisplayMessage"):
        (command,) = asked(action)
        check("2.0.1", action, command.payload)  # raises when it breaks the schema


def test_a_display_without_pages_shows_the_short_address(station):
    with_display(station, formats="ASCII,UTF8")
    plug_in(station)
    shown = asked("SetDisplayMessage")[0].payload["message"]["message"]
    assert shown["format"] == "UTF8"
    assert shown["content"].startswith("EVSE 1: ")
    code = shown["content"].removeprefix("EVSE 1: ")
    assert certificates.verify(presented=code, at=timezone.now()).evse == 1


@pytest.mark.parametrize("available", [None, "false"])
def test_a_station_without_display_gets_no_message(station, available):
    if available:
        with_display(station, available=available)
    plug_in(station)
    assert not ChargingCertificate.objects.exists()
    assert not asked("SetDisplayMessage")


def test_a_station_that_asks_itself_keeps_its_own_certificate(station):
    with_display(station)
    station.certificate()
    drain()
    station.status("occupied")
    drain()
    assert ChargingCertificate.objects.get().requested_by == "station"
    assert not asked("SetDisplayMessage")


@pytest.mark.parametrize("end", ["claim", "unplug"])
def test_the_message_ends_with_the_certificate(station, end):
    with_display(station)
    plug_in(station)
    shown = asked("SetDisplayMessage")[0].payload["message"]
    if end == "claim":
        certificates.claim(
            presented=shown["message"]["content"].partition("/display")[0],
            order_number="A" * 20,
            idempotency_key="",
            at=timezone.now(),
        )
    else:
        station.status("available")
    (command,) = asked("ClearDisplayMessage")
    assert command.payload == {"id": shown["id"]}


def test_an_expired_one_is_replaced_while_the_driver_may_stand_there(station):
    with_display(station)
    plug_in(station)
    later = timezone.now() + timedelta(minutes=4)
    assert certificates.expire(at=later) == 1
    connector = station.connector()
    assert certificates.show(connector_id=connector.pk, at=later)
    ids = {command.payload["message"]["id"] for command in asked("SetDisplayMessage")}
    assert ids == {displays.message_id(connector.pk)}
    much_later = later + timedelta(hours=1)
    drain()
    certificates.expire(at=much_later)
    drain()
    assert ChargingCertificate.objects.filter(state="issued").count() == 0


def test_a_late_word_of_a_plug_in_shows_nothing(station):
    with_display(station)
    plug_in(station, timezone.now() - timedelta(minutes=5))
    assert not asked("SetDisplayMessage")


def test_a_kept_message_does_not_tell_the_certificate(station):
    with_display(station)
    plug_in(station)
    payload = asked("SetDisplayMessage")[0].payload
    kept = mask_payload("SetDisplayMessage", payload)
    assert kept["message"]["message"]["content"] == "***"
    assert kept["message"]["id"] == payload["message"]["id"]


# -- told of an early end ----------------------------------------------------------


def told():
    return [
        command.arguments["code"]
        for command in Command.objects.filter(intent="certificate_revoked")
    ]


def test_a_superseded_certificate_is_named_to_its_station(station):
    first = station.certificate()
    second = station.certificate()
    assert told() == [first.code]
    certificates.revoke(
        connector_id=station.connector().pk, reason="operator", at=timezone.now()
    )
    assert told() == [first.code, second.code]
    command = Command.objects.filter(intent="certificate_revoked").last()
    assert outgoing_v16("certificate_revoked", command.arguments)[0] == "DataTransfer"
    data = outgoing_v201("certificate_revoked", command.arguments)[1]["data"]
    assert data == {"code": second.code, "reason": "operator"}


def test_a_code_is_sealed_and_gone_with_its_certificate(station):
    issued = station.certificate()
    row = ChargingCertificate.objects.get()
    assert row.sealed_code
    assert issued.code not in row.sealed_code
    certificates.claim(
        presented=issued.code,
        order_number="B" * 20,
        idempotency_key="",
        at=timezone.now(),
    )
    assert ChargingCertificate.objects.get().sealed_code == ""


@pytest.mark.parametrize("end", ["unplug", "expiry"])
def test_what_the_station_knows_by_itself_it_is_not_told(station, end):
    station.status("preparing")
    station.certificate()
    if end == "unplug":
        station.status("available")
    else:
        certificates.expire(at=timezone.now() + timedelta(hours=1))
    assert told() == []
    assert ChargingCertificate.objects.get().sealed_code == ""


def test_revoking_nothing_tells_nothing(station):
    certificates.revoke(
        connector_id=station.connector().pk, reason="operator", at=timezone.now()
    )
    assert told() == []


def test_a_key_that_no_longer_fits_hinders_no_new_certificate(station, settings):
    station.certificate()
    settings.KEY_ENCRYPTION_KEY = "0" * 43 + "="
    ChargingCertificate.objects.update(sealed_code="from another key")
    certificates.revoke(
        connector_id=station.connector().pk, reason="operator", at=timezone.now()
    )
    assert told() == []
    assert ChargingCertificate.objects.get().state == "revoked"
