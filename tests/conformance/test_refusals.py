"""Every command refused in every way that its schema knows, and by every error.

The row, the words for the operator and what was asked for have to say the same: no
answer but a yes may leave anything behind that the station does not have.
"""

from datetime import timedelta

import pytest

from charge_points.models import (
    ChargingProfile,
    Command,
    CompositeSchedule,
    DeferredChange,
    DeviceVariable,
    DisplayMessage,
    InstalledCertificate,
    LocalList,
    NetworkProfile,
    VariableMonitor,
)
from charge_points.ocpp.errors import VALID_CODES
from charge_points.ocpp.schemas import MESSAGE_SETS, result_schema
from charge_points.services import commands, reservations
from tests.conformance.desk import Desk, payload_of
from tests.conformance.stations import TABLES, Station
from tests.e2e.scripted import answer_of

pytestmark = pytest.mark.django_db
VERSIONS = ("1.6", "2.0.1")
YES = {
    "Accepted",
    "AcceptedCanceled",
    "RebootRequired",
    "Scheduled",
    "Unlocked",
    "Unpublished",
}
ON_THE_STATION = (
    ChargingProfile,
    CompositeSchedule,
    DeferredChange,
    DeviceVariable,
    DisplayMessage,
    InstalledCertificate,
    NetworkProfile,
    VariableMonitor,
)
"""What a station has because it said yes to a command."""

PER_ITEM = {
    "ClearVariableMonitoring": ("clearMonitoringResult", "status"),
    "GetVariables": ("getVariableResult", "attributeStatus"),
    "SetVariableMonitoring": ("setMonitoringResult", "status"),
    "SetVariables": ("setVariableResult", "attributeStatus"),
}
"""Actions whose answer has a status for each item: list, and the name of the status."""


def actions():
    return [
        (version, action)
        for version in VERSIONS
        for action in sorted(MESSAGE_SETS[version].outgoing)
    ]


def words(version, action):
    """The statuses that the schema has for an answer."""
    fields = result_schema(version, action).document["properties"]
    if action in PER_ITEM:
        listed, name = PER_ITEM[action]
        return fields[listed]["items"]["properties"][name]["enum"]
    return fields.get("status", {}).get("enum", [])


def answered(version, action, word):
    """The least answer with a status."""
    payload = answer_of(version, action)
    if action not in PER_ITEM:
        return {**payload, "status": word}
    listed, name = PER_ITEM[action]
    return {**payload, listed: [{**one, name: word} for one in payload[listed]]}


STATUSES = [(*one, word) for one in actions() for word in words(*one)]
REFUSALS = [one for one in STATUSES if one[2] not in YES]


def asked(version, action):
    """A desk whose command has left."""
    desk = Desk(Station(version))
    desk.ask(action, payload_of(version, action))
    desk.leave()
    return desk


def left_behind(station):
    return [
        model.__name__
        for model in ON_THE_STATION
        if model.objects.filter(charge_point_id=station.id).exists()
    ]


def test_all_commands_and_their_words_are_here():
    assert len(actions()) == 26 + 40
    silent = {action for version, action in actions() if not words(version, action)}
    assert silent == {
        "CostUpdated",
        "GetConfiguration",
        "GetDiagnostics",
        "GetLocalListVersion",
        "GetTransactionStatus",
        "UpdateFirmware",
    }


@pytest.mark.parametrize(("version", "action", "word"), STATUSES)
def test_a_status_is_a_yes_or_a_no_and_a_no_has_words(version, action, word):
    desk = asked(version, action)
    row = desk.answer(answered(version, action, word))

    yes = word in YES
    assert row.state == ("accepted" if yes else "rejected")
    shown = ("Accepted" if yes else "Rejected") if action in PER_ITEM else word
    assert (row.status_text, row.error_code) == (shown, "")
    assert bool(row.error_text) is not yes, row.error_text
    if not yes:
        assert row.error_text.rstrip().endswith(".") or word in row.error_text
    assert row.response is not None


@pytest.mark.parametrize(("version", "action", "word"), REFUSALS)
def test_a_no_leaves_nothing_behind(version, action, word):
    desk = asked(version, action)
    desk.answer(answered(version, action, word))

    assert left_behind(desk.station) == []
    lists = LocalList.objects.filter(charge_point_id=desk.station.id)
    assert not lists.exclude(version=None).exists()


@pytest.mark.parametrize("version", VERSIONS)
def test_every_error_of_every_command_is_kept_with_words(version):
    for action in sorted(MESSAGE_SETS[version].outgoing):
        for code in sorted(VALID_CODES[version]):
            desk = asked(version, action)
            row = desk.fail(code)
            kept = (row.state, row.error_code, row.status_text)
            assert kept == ("failed", code, code), action
            assert row.error_text.endswith("."), (action, code)
            assert left_behind(desk.station) == [], (action, code)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_stations_own_words_come_first(version):
    desk = asked(version, "ClearCache")
    assert desk.fail("InternalError", "disk full").error_text == "disk full"


@pytest.mark.parametrize(("version", "action"), actions())
def test_a_lost_line_repeats_what_does_no_harm_and_nothing_else(version, action):
    desk = asked(version, action)
    repeatable = TABLES[version].outgoing[action].repeatable
    state = "queued" if repeatable else "failed"
    assert desk.fail("ConnectionLost").state == state

    if repeatable:  # a gateway that was killed says nothing at all
        desk.leave()
        commands.recover(
            charge_point_ids=[desk.station.id],
            repeatable_actions={action},
            at=desk.station.now,
        )
        assert desk.row().state == "queued"
    assert left_behind(desk.station) == []


@pytest.mark.parametrize(("version", "action"), actions())
def test_a_station_that_does_not_answer_is_not_asked_again(version, action):
    row = asked(version, action).fail("Timeout")

    assert (row.state, row.error_code) == ("failed", "Timeout")
    assert row.error_text.endswith("may have done it.")


def test_a_station_that_hangs_up_when_it_is_asked_is_asked_five_times():
    desk = asked("1.6", "GetConfiguration")
    for _ in range(4):
        assert desk.fail("ConnectionLost").state == "queued"
        desk.leave()

    row = desk.fail("ConnectionLost")
    assert (row.state, row.attempts) == ("failed", 5)


def test_what_is_asked_again_is_not_over():
    """The reservation waits for the second answer, and nothing else is asked."""
    station = Station("1.6")
    wanted = reservations.NewReservation(
        charge_point_id=station.id,
        evse=1,
        id_token="A1",
        expires_at=station.now + timedelta(hours=1),
        idempotency_key="r",
    )
    row = reservations.reserve(wanted=wanted, by="test", at=station.now)
    desk = Desk(station)
    desk.leave()
    desk.fail("ConnectionLost")
    row.refresh_from_db()
    assert (row.state, Command.objects.count()) == ("requested", 1)
    desk.leave()
    desk.answer({"status": "Accepted"})
    row.refresh_from_db()
    assert row.state == "active"
