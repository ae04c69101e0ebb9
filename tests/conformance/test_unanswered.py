"""Commands that end without an answer end what they were to bring about."""

from datetime import timedelta

import pytest
from django.utils import timezone

from charge_points import tasks
from charge_points.models import (
    Command,
    FirmwareUpdate,
    LogUpload,
    Reservation,
    Transaction,
)
from charge_points.services import (
    commands,
    diagnostics,
    firmware,
    reservations,
    unsent,
    variables,
)
from charge_points.services.facts import VariableFact
from charge_points.services.smart_charging import transaction_limits
from tests.conformance.charging import charge
from tests.conformance.desk import Desk
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db
LATER = timedelta(days=2)


def update(station):
    wanted = firmware.NewUpdate(
        charge_point_id=station.id, idempotency_key="u", location="https://x.example/f"
    )
    return firmware.request_update(wanted=wanted, by="test", at=station.now)


def log(station):
    wanted = diagnostics.NewLog(charge_point_id=station.id, idempotency_key="l")
    return diagnostics.request_log(wanted=wanted, by="test", at=station.now)


def reserve(station, key="r"):
    wanted = reservations.NewReservation(
        charge_point_id=station.id,
        evse=1,
        id_token="A1",
        expires_at=station.now + timedelta(days=5),
        idempotency_key=key,
    )
    return reservations.reserve(wanted=wanted, by="test", at=station.now)


def run_out(station):
    """The station stays away until the command's time is over."""
    station.now += LATER
    commands.settle_overdue(at=station.now)
    unsent.settle(at=station.now)


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize(
    ("ask", "model", "state", "ended"),
    [
        (update, FirmwareUpdate, "status", "Canceled"),
        (log, LogUpload, "status", "Canceled"),
        (reserve, Reservation, "state", "failed"),
    ],
)
def test_what_ran_out_in_the_queue_is_over(version, ask, model, state, ended):
    station = Station(version)
    ask(station)
    unsent.settle(at=station.now)
    assert model.objects.get().ended_at is None

    run_out(station)
    row = model.objects.get()
    assert (getattr(row, state), row.ended_at) == (ended, station.now)
    assert Command.objects.exclude(state="expired").count() == 0


@pytest.mark.parametrize("ask", [update, log, reserve])
def test_what_its_operator_took_back_is_over(ask):
    station = Station("2.0.1")
    row = ask(station)
    commands.cancel(command_id=Command.objects.get().pk, at=station.now)
    unsent.settle(at=station.now)

    row.refresh_from_db()
    assert row.ended_at == station.now
    assert ask(station).pk == row.pk  # the same key asks for nothing new


def test_a_place_is_free_again_when_its_reservation_never_arrived():
    station = Station("1.6")
    reserve(station)
    run_out(station)

    assert reserve(station, "another").state == "requested"


def test_a_reservation_that_may_have_arrived_is_cancelled_there():
    station = Station("2.0.1")
    reserve(station)
    desk = Desk(station)
    desk.leave()
    commands.recover(
        charge_point_ids=[station.id],
        repeatable_actions={"ReserveNow"},
        at=station.now,
    )
    run_out(station)

    assert Reservation.objects.get().state == "failed"
    assert Command.objects.get(intent="cancel_reservation").state == "queued"


def test_what_was_answered_is_left_alone():
    station = Station("2.0.1")
    for ask in (update, log, reserve):
        ask(station)
    desk = Desk(station)
    for _ in range(3):
        desk.leave()
        desk.answer({"status": "Accepted"})
    run_out(station)

    assert FirmwareUpdate.objects.get().status == "Accepted"
    assert LogUpload.objects.get().status == "Accepted"
    assert Reservation.objects.get().state == "active"


def limited(version):
    """A charge whose limit is on its way to the station."""
    station = Station(version)
    known = VariableFact(variable="SupportedFeatureProfiles", value="SmartCharging")
    if version == "2.0.1":
        known = VariableFact(
            component="SmartChargingCtrlr", variable="Enabled", value="true"
        )
    variables.record(
        charge_point_id=station.id,
        operator_id=station.operator_id,
        facts=[known],
        source="test",
        at=station.now,
    )
    row = charge(station)
    row.energy_limit_wh = 11_000
    row.save()
    assert transaction_limits.apply([row], at=station.now) == 1
    desk = Desk(station)
    desk.leave()
    return desk


def until():
    return Transaction.objects.get().limit_profile_until


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize("word", ["Accepted", "Rejected"])
def test_a_limit_that_the_station_refuses_is_not_on_it(version, word):
    desk = limited(version)
    assert until() is not None
    desk.answer({"status": word})

    assert (until() is None) is (word == "Rejected")


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_a_limit_that_the_station_does_not_understand_is_not_on_it(version):
    limited(version).fail("NotImplemented")

    assert until() is None


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_a_limit_that_never_arrived_comes_again(version):
    desk = limited(version)
    station = desk.station
    assert until() > station.now + timedelta(minutes=10)
    desk.fail("NotSent")
    station.later(300)
    commands.settle_overdue(at=station.now)

    assert transaction_limits.renew_unsent(at=station.now) == 1
    assert until() == station.now
    assert transaction_limits.renew_unsent(at=station.now) == 0
    assert transaction_limits.renew([Transaction.objects.get().pk], at=station.now) == 1
    assert until() > station.now + timedelta(minutes=10)


def test_a_limit_without_answer_comes_again():
    desk = limited("1.6")
    desk.station.later(300)  # its command's time is over, so that it is not repeated
    desk.fail("Timeout")

    assert until() == desk.station.now


def test_the_task_does_all_of_it():
    station = Station("2.0.1")
    reserve(station)
    Command.objects.update(
        created_at=timezone.now() - LATER, expires_at=timezone.now() - LATER / 2
    )
    tasks.settle_commands()

    assert Reservation.objects.get().state == "failed"


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_a_command_without_words_keeps_no_other_waiting(version):
    station = Station(version)
    bad = commands.queue_intent(
        charge_point_id=station.id,
        intent="stop",
        arguments={},
        by="test",
        idempotency_key="bad",
        expires_at=station.now + timedelta(minutes=5),
        at=station.now,
    )
    desk = Desk(station)
    desk.ask("ClearCache", {})
    desk.take()
    bad.refresh_from_db()
    assert (bad.state, bad.error_code) == ("failed", "UnableToWord")
    desk.leave()

    assert desk.answer({"status": "Accepted"}).state == "accepted"


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_exact_limits_leave_and_stand_in_the_row_as_numbers(version):
    desk = limited(version)
    row = Command.objects.get(requested_by="limits")

    assert row.action == "SetChargingProfile"
    profile = row.payload.get("csChargingProfiles") or row.payload["chargingProfile"]
    schedule = profile["chargingSchedule"]
    found = schedule if isinstance(schedule, dict) else schedule[0]
    assert [one["limit"] for one in found["chargingSchedulePeriod"]] == [22_000, 0]
    assert desk.sent.command_id == row.pk
