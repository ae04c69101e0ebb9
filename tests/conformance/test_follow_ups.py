"""What a command asked for is found under the command, by the request id."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse

from charge_points.handlers.follow_ups import ASKED_BY, linked
from charge_points.handlers.tables import all_tables
from charge_points.models import Command, CommandFollowUp, FirmwareFile
from charge_points.services import commands, firmware
from charge_points.services.commands import follow_ups
from charge_points.services.facts import CommandWording
from tests.conformance.stations import TABLES, Station
from tests.integration.charge_points.admin_world import (
    _no_collected_files,  # noqa: F401 - a fixture
    make_staff,
)
from tests.integration.charge_points.api_world import STATIONS, system_of

pytestmark = pytest.mark.django_db
STAMP = "2026-05-04T12:00:00Z"
COMPONENT = {"component": {"name": "C"}, "variable": {"name": "V"}}


@pytest.fixture
def new():
    return Station("2.0.1")


@pytest.fixture
def old():
    return Station("1.6")


def ask(station, action, payload, *, key="k"):
    """Queue a command and let it leave, as the gateway does."""
    row = commands.queue(
        charge_point_id=station.id,
        action=action,
        payload=payload,
        by="test",
        idempotency_key=key,
        expires_at=station.now + timedelta(minutes=5),
        at=station.now,
    )
    leave(station)
    return row


def leave(station):
    for one in commands.take_for_delivery(
        charge_point_ids=[station.id], node="n", at=station.now
    ):
        if one.intent:
            action, payload = TABLES[station.version].translate(
                one.intent, one.arguments
            )
            commands.mark_sent(
                wordings=[CommandWording(one.command_id, action, payload)]
            )


def listed(command):
    return [
        (row.action, row.status, row.part, row.is_last, row.entries)
        for row in follow_ups.follow_ups_of(command.pk)
    ]


def notify_report(station, part, *, more, request_id=7):
    entry = {**COMPONENT, "variableAttribute": [{"value": str(part)}]}
    return station.call(
        "NotifyReport",
        {
            "requestId": request_id,
            "generatedAt": STAMP,
            "seqNo": part,
            "tbc": more,
            "reportData": [entry],
        },
    )


def test_the_parts_of_a_base_report_stand_under_its_command(new):
    row = ask(new, "GetBaseReport", {"requestId": 7, "reportBase": "FullInventory"})
    for part, more in ((0, True), (1, False)):
        assert notify_report(new, part, more=more) == {}
    notify_report(new, 1, more=False)
    assert listed(row) == [
        ("NotifyReport", "", 0, False, 1),
        ("NotifyReport", "", 1, True, 1),
    ]


def test_the_newest_command_that_was_sent_is_meant(new):
    payload = {"requestId": 7, "reportBase": "FullInventory"}
    first = ask(new, "GetBaseReport", payload, key="1")
    notify_report(new, 0, more=False)
    second = ask(new, "GetBaseReport", payload, key="2")
    waiting = commands.queue(
        charge_point_id=new.id,
        action="GetBaseReport",
        payload=payload,
        by="test",
        idempotency_key="3",
        expires_at=new.now + timedelta(minutes=5),
        at=new.now,
    )
    notify_report(new, 1, more=False)
    assert [len(listed(row)) for row in (first, second, waiting)] == [1, 1, 0]


def test_what_nobody_here_asked_for_belongs_to_no_command(new, old):
    ask(new, "GetLog", log(7), key="other action")
    ask(Station("2.0.1"), "GetBaseReport", {"requestId": 7, "reportBase": "X"})
    notify_report(new, 0, more=False)
    assert not CommandFollowUp.objects.exists()


def log(request_id):
    return {
        "logType": "DiagnosticsLog",
        "requestId": request_id,
        "log": {"remoteLocation": "https://logs.example/"},
    }


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_the_steps_of_a_log_stand_under_its_command(version):
    station = Station(version)
    row = ask(station, "GetLog", log(9))
    station.answer("GetLog", log(9), {"status": "Accepted"})
    for status in ("Uploading", "Uploaded"):
        station.call("LogStatusNotification", {"status": status, "requestId": 9})
    station.call("LogStatusNotification", {"status": "Idle"})
    assert [(one[0], one[1]) for one in listed(row)] == [
        ("LogStatusNotification", "Uploading"),
        ("LogStatusNotification", "Uploaded"),
    ]


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("1.6", "SignedFirmwareStatusNotification"),
        ("2.0.1", "FirmwareStatusNotification"),
    ],
)
def test_the_steps_of_an_update_stand_under_its_command(version, message):
    station = Station(version)
    file = FirmwareFile.objects.create(
        operator_id=station.operator_id,
        version="2",
        file_name="x.bin",
        stored_as="firmware/x",
        size_bytes=3,
        sha256="0" * 64,
        md5="0" * 32,
        uploaded_by="test",
        uploaded_at=station.now,
        signing_certificate="PEM",
        signature="c2ln",
    )
    update = firmware.request_update(
        wanted=firmware.NewUpdate(
            charge_point_id=station.id, idempotency_key="u", firmware_id=file.pk
        ),
        by="test",
        at=station.now,
    )
    leave(station)
    row = Command.objects.get()
    assert row.request_id == update.request_id
    for status in ("Downloading", "Installed"):
        station.call(message, {"status": status, "requestId": update.request_id})
    assert [one[:2] for one in listed(row)] == [
        (message, "Downloading"),
        (message, "Installed"),
    ]


def test_monitoring_customers_displays_and_profiles_stand_under_theirs(new):
    told = [
        (
            ("GetMonitoringReport", {"requestId": 1}),
            (
                "NotifyMonitoringReport",
                {"requestId": 1, "seqNo": 0, "generatedAt": STAMP},
            ),
        ),
        (
            ("CustomerInformation", {"requestId": 2, "report": True, "clear": False}),
            (
                "NotifyCustomerInformation",
                {"requestId": 2, "seqNo": 0, "generatedAt": STAMP, "data": "none"},
            ),
        ),
        (
            ("GetDisplayMessages", {"requestId": 3}),
            ("NotifyDisplayMessages", {"requestId": 3}),
        ),
    ]
    for (action, payload), (message, content) in told:
        row = ask(new, action, payload, key=action)
        new.call(message, content)
        assert [one[0] for one in listed(row)] == [message]


def test_not_more_than_so_many_are_listed(new, monkeypatch):
    monkeypatch.setattr(follow_ups, "FOLLOW_UPS_MAX", 1)
    row = ask(new, "GetBaseReport", {"requestId": 7, "reportBase": "FullInventory"})
    for part in range(3):
        notify_report(new, part, more=True)
    assert len(listed(row)) == 1


def test_every_linked_message_has_a_route_that_is_linked():
    tables = all_tables()
    for version, table in tables.items():
        for action, route in table.routes.items():
            if action in ASKED_BY:
                assert hasattr(route.handler, "__wrapped__"), (version, action)
    routed = {action for table in tables.values() for action in table.routes}
    assert set(ASKED_BY) <= routed
    asking = {action for found in ASKED_BY.values() for action in found}
    assert asking <= {a for table in tables.values() for a in table.outgoing}
    heartbeat = tables["1.6"].routes["Heartbeat"]
    assert linked(heartbeat) is heartbeat


def test_people_and_systems_see_what_followed(new, as_role, client):
    cache.clear()
    row = ask(new, "GetBaseReport", {"requestId": 7, "reportBase": "FullInventory"})
    notify_report(new, 0, more=False)
    answer = system_of(as_role, "op").get(
        f"{STATIONS}/{new.identity}/commands/{row.pk}"
    )
    (found,) = answer.json()["follow_ups"]
    assert (found["action"], found["part"], found["is_last"], found["entries"]) == (
        "NotifyReport",
        0,
        True,
        1,
    )
    client.force_login(make_staff("t@example.org", new.operator_id, "viewer"))
    with as_role("app"):
        page = client.get(
            reverse("admin:charge_points_command_change", args=[row.pk])
        ).content.decode()
    assert "What followed" in page
    assert "(the last)" in page
