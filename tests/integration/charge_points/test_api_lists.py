"""Reservations, lists, profiles and displays over REST and on the admin's pages."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from charge_points.models import Command, LocalList, Reservation
from charge_points.services import (
    customer_information,
    display_messages,
    local_lists,
    reservations,
)
from charge_points.services.smart_charging import needs, profiles
from tests.integration.charge_points.admin_world import (
    _no_collected_files,  # noqa: F401 - a fixture
    make_staff,
)
from tests.integration.charge_points.api_world import STATIONS, problem_of, system_of
from tests.integration.charge_points.world import NOON

PERIODS = [{"start_s": 0, "limit": "8.1", "phases": None}]
SCHEDULE = {
    "start_at": None,
    "duration_s": 60,
    "rate_unit": "A",
    "min_rate": None,
    "periods": PERIODS,
}


@pytest.fixture
def ours(station, stranger, as_role):
    return system_of(as_role)


def wish(**more):
    expires_at = timezone.now() + timedelta(hours=1)
    return {"evse": 1, "id_token": "A1", "expires_at": expires_at.isoformat(), **more}


def path(station, what):
    return f"{STATIONS}/{station.identity}/{what}"


def fill(station):
    profiles.record_set(
        charge_point_id=station.id,
        operator_id=station.operator_id,
        fact=profiles.ProfileFact(
            evse=1,
            profile_id=7,
            stack_level=0,
            purpose="TxDefaultProfile",
            kind="Relative",
            schedules=[SCHEDULE],
        ),
        at=NOON,
    )
    profiles.record_composite(**station.who, evse=1, schedule=SCHEDULE, at=NOON)
    needs.record_limit(
        **station.who,
        evse=0,
        source="SO",
        is_grid_critical=True,
        schedules=[SCHEDULE],
        at=NOON,
    )
    display_messages.record_set(
        **station.who,
        fact=display_messages.MessageFact(
            message_id=3, priority="InFront", format="UTF8", content="Hello"
        ),
        at=NOON,
    )
    customer_information.record_part(
        **station.who,
        request_id=1,
        seq_no=0,
        to_be_continued=False,
        text="nothing is known",
        at=NOON,
    )
    local_lists.record_version(**station.who, version=4, at=NOON)


def test_a_reservation_is_asked_for_once_and_cancelled(ours, station):
    first = ours.post(path(station, "reservations"), body := wish(), key="k1")
    again = ours.post(path(station, "reservations"), body, key="k1")

    assert (first.status_code, first.json()["state"]) == (202, "requested")
    assert again.json()["id"] == first.json()["id"]
    assert Command.objects.get().intent == "reserve"
    assert [row["number"] for row in ours.rows(path(station, "reservations"))] == [1]
    with ours.as_role("app"):
        gone = ours.client.delete(
            f"{path(station, 'reservations')}/{first.json()['id']}"
        )
    assert (gone.status_code, gone.json()["state"]) == (202, "cancelled")


def test_nobody_reserves_or_cancels_elsewhere(ours, station, stranger):
    refused = ours.post(path(stranger, "reservations"), wish())
    assert problem_of(refused) == (404, "unknown_charge_point")
    row = reservations.reserve(
        wanted=reservations.NewReservation(
            charge_point_id=stranger.id,
            evse=1,
            id_token="B1",
            expires_at=NOON + timedelta(hours=1),
            idempotency_key="k",
        ),
        by="test",
        at=NOON,
    )
    with ours.as_role("app"):
        answer = ours.client.delete(f"{path(station, 'reservations')}/{row.pk}")
    assert problem_of(answer) == (404, "unknown_reservation")


def test_what_the_station_has_is_listed(ours, station):
    fill(station)

    (profile,) = ours.rows(path(station, "charging-profiles"))
    (composite,) = ours.rows(path(station, "composite-schedules"))
    (message,) = ours.rows(path(station, "display-messages"))
    listed = ours.get(path(station, "local-list")).json()

    assert profile["schedules"][0]["periods"][0]["limit"] == "8.1"
    assert composite["rate_unit"] == "A"
    assert message["content"] == "Hello"
    assert (listed["version"], listed["tokens"]) == (4, None)


def test_a_station_without_a_list_says_so(ours, station):
    assert ours.get(path(station, "local-list")).json()["state"] == "unknown"


@pytest.fixture
def web(client, station, as_role):
    client.force_login(make_staff("tech@example.org", station.operator_id))
    with as_role("app"):
        yield client


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("chargingprofile", "8.1 A from 0 s"),
        ("charginglimit", "8.1 A from 0 s"),
        ("displaymessage", "Hello"),
        ("customerinformation", "nothing is known"),
        ("locallist", "unknown"),
        ("reservation", "A1"),
    ],
)
def test_the_pages_show_what_there_is(web, station, as_role, name, text):
    with as_role("system"):
        fill(station)
        reserved(station)

    answer = web.get(reverse(f"admin:charge_points_{name}_changelist"))

    assert answer.status_code == 200
    assert text in answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")


def reserved(station):
    now = timezone.now()
    return reservations.reserve(
        wanted=reservations.NewReservation(
            charge_point_id=station.id,
            evse=1,
            id_token="A1",
            expires_at=now + timedelta(hours=1),
            idempotency_key="k",
        ),
        by="test",
        at=now,
    )


def act(web, name, deed, row):
    address = reverse(f"admin:charge_points_{name}_changelist")
    return web.post(address, {"action": deed, "_selected_action": [row.pk]})


def test_a_technician_cancels_and_resends(web, station, as_role):
    with as_role("system"):
        row = reserved(station)
        local_lists.record_version(**station.who, version=4, at=NOON)
        listed = LocalList.objects.get()

    act(web, "reservation", "cancel_reservations", row)
    act(web, "locallist", "send_whole", listed)

    with as_role("system"):
        assert Reservation.objects.get().state == "cancelled"
        assert LocalList.objects.get().version is None
