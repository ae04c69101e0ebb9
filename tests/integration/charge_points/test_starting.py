import pytest
from django.db import IntegrityError, transaction

from charge_points.models import Command, StartHandle
from charge_points.services import commands, handles, limits, starting, transactions
from charge_points.services.facts import CommandAnswer
from charge_points.services.starting import UnableToRequestStart, UnableToReserve
from tests.integration.charge_points.world import (
    NOON,
    ORDER,
    OTHER_ORDER,
    allow,
    energy,
    later,
    told,
)


def send(station, at=NOON):
    return commands.take_for_delivery(
        charge_point_ids=[station.id], node="node", at=at
    )[0]


def answer(command, status="Accepted", error_code="", at=NOON):
    commands.record_answers(
        answers=[
            CommandAnswer(
                command_id=command.command_id,
                accepted=status == "Accepted",
                status=status,
                at=at,
                response=None if error_code else {"status": status},
                error_code=error_code,
            )
        ]
    )


def state(order=ORDER):
    return StartHandle.objects.get(order_number=order).state


def test_a_connector_takes_one_order(station):
    station.reserve()
    with pytest.raises(UnableToReserve) as caught:
        station.reserve(OTHER_ORDER)
    assert caught.value.code == "connector_busy"
    station.reserve(OTHER_ORDER, evse=2)


def test_reserving_again_for_the_same_order_is_the_same(station):
    assert station.reserve().pk == station.reserve().pk


def test_an_unknown_connector_cannot_be_reserved(station, stranger):
    for evse, operator_id in ((9, station.operator_id), (1, stranger.operator_id)):
        with pytest.raises(UnableToReserve) as caught:
            starting.reserve(
                operator_id=operator_id,
                charge_point_identity=station.identity,
                evse=evse,
                connector=1,
                order_number=ORDER,
                at=NOON,
            )
        assert caught.value.status == 404


def test_a_running_charge_keeps_its_connector(station):
    allow("tag")
    station.start("tag")
    with pytest.raises(UnableToReserve):
        station.reserve()


def test_a_reservation_past_its_time_makes_room(station):
    station.reserve()
    station.reserve(OTHER_ORDER, at=later(seconds=301))
    assert (state(), state(OTHER_ORDER)) == ("failed", "pending")
    assert told("StartTimedOut") == [{"order_number": ORDER}]


def test_the_start_is_asked_for_once_as_an_intent(station):
    handle = station.ask_start(energy_limit_wh=9000)
    station.ask_start(energy_limit_wh=1)
    command = send(station)
    assert command.intent == "start"
    assert command.arguments == {
        "evse": 1,
        "connector": 1,
        "id_token": ORDER,
        "remote_start_id": handle.pk,
        "energy_limit_wh": 9000,
        "ends_by": None,
    }
    assert not command.repeatable
    assert Command.objects.count() == 1


def test_the_transaction_takes_over_the_limits(station):
    station.reserve()
    starting.request_start(
        order_number=ORDER,
        energy_limit_wh=9000,
        ends_by=later(hours=2),
        at=NOON,
    )
    began = station.start(ORDER)
    row = station.transaction()
    assert row.pk == began.transaction_id
    assert (row.energy_limit_wh, row.ends_by) == (9000, later(hours=2))
    assert StartHandle.objects.get().transaction_id == row.pk


def test_an_unknown_order_cannot_start(station):
    with pytest.raises(UnableToRequestStart):
        starting.request_start(
            order_number=ORDER, energy_limit_wh=None, ends_by=None, at=NOON
        )


def test_a_refused_start_fails_the_order_at_once(station):
    station.ask_start()
    answer(send(station), "Rejected")
    assert state() == "failed"
    assert told("StartFailed") == [
        {
            "order_number": ORDER,
            "reason": "The charge point refused the start: Rejected",
        }
    ]


def test_a_call_error_fails_it_as_well(station):
    station.ask_start()
    answer(send(station), "", "NotSupported")
    assert state() == "failed"


@pytest.mark.parametrize("code", ["Timeout", "ConnectionLost"])
def test_a_start_of_unknown_outcome_waits_for_its_timeout(station, code):
    station.ask_start()
    answer(send(station), "", code)
    assert state() == "pending"
    assert Command.objects.get().state == "failed"
    assert station.start(ORDER, later(seconds=60)).authorization.accepted


def test_a_start_never_leaves_twice(station):
    station.ask_start()
    send(station)
    commands.recover(
        charge_point_ids=[station.id],
        repeatable_actions=frozenset({"TriggerMessage"}),
        at=later(seconds=5),
    )
    taken = commands.take_for_delivery(
        charge_point_ids=[station.id], node="n", at=later(seconds=6)
    )
    assert taken == []


def test_a_start_that_nothing_follows_times_out(station):
    station.ask_start()
    assert starting.time_out(at=later(seconds=120)) == 0
    assert starting.time_out(at=later(seconds=121)) == 1
    assert state() == "failed"
    assert told("StartTimedOut") == [{"order_number": ORDER}]
    assert station.start(ORDER, later(seconds=122)).authorization.status == "Invalid"


def test_a_station_that_is_never_reached_fails_the_order(station):
    station.ask_start()
    commands.settle_overdue(at=later(seconds=120))
    assert state() == "failed"
    assert told("StartFailed")[0]["reason"] == "The charge point could not be reached."


def test_failing_twice_tells_once(station):
    station.ask_start()
    starting.time_out(at=later(seconds=121))
    handles.fail_many([handles.Failure(ORDER, "again")], at=later(seconds=122))
    assert len(told("StartTimedOut") + told("StartFailed")) == 1


def test_cancelling_takes_the_command_back(station):
    station.ask_start()
    assert starting.cancel(order_number=ORDER, at=NOON)
    assert state() == "cancelled"
    assert Command.objects.get().state == "cancelled"
    assert not starting.cancel(order_number=ORDER, at=NOON)
    assert not starting.cancel(order_number=OTHER_ORDER, at=NOON)
    assert station.start(ORDER).authorization.status == "Invalid"


def test_cancelling_frees_the_connector(station):
    station.reserve()
    starting.cancel(order_number=ORDER, at=NOON)
    station.reserve(OTHER_ORDER)


def test_cancelling_a_charge_that_runs_asks_it_to_stop_once(station):
    station.ask_start()
    station.start(ORDER)
    assert starting.cancel(order_number=ORDER, at=NOON)
    assert starting.cancel(order_number=ORDER, at=NOON)
    assert Command.objects.filter(intent="stop").count() == 1


def test_stopping_asks_the_charge_to_stop(station):
    station.ask_start()
    began = station.start(ORDER)
    assert starting.request_stop(order_number=ORDER, reason="driver", at=NOON)
    command = Command.objects.get(intent="stop")
    assert command.arguments["transaction_id"] == began.ocpp_id
    assert command.order_number == ORDER


def test_stopping_before_the_begin_cancels(station):
    station.ask_start()
    assert starting.request_stop(order_number=ORDER, reason="driver", at=NOON)
    assert state() == "cancelled"


def test_stopping_what_has_ended_is_nothing(station):
    station.ask_start()
    began = station.start(ORDER)
    station.stop(began.ocpp_id, later(minutes=5), 2000)
    assert not starting.request_stop(order_number=ORDER, reason="driver", at=NOON)


def test_a_time_limit_holds_without_meter_values(station):
    allow("tag")
    began = station.start("tag")
    transactions.set_limits(
        transaction_id=began.transaction_id,
        energy_limit_wh=None,
        ends_by=later(hours=1),
    )
    assert starting.stop_overdue(at=later(minutes=59)) == 0
    assert starting.stop_overdue(at=later(hours=1)) == 1
    assert starting.stop_overdue(at=later(hours=1)) == 0


def test_a_stop_that_had_no_effect_is_asked_again_but_not_for_ever(
    station, monkeypatch
):
    monkeypatch.setattr(limits, "STOP_ATTEMPTS_MAX", 2)
    allow("tag")
    began = station.start("tag")
    row = station.transaction()
    limits.request_stop(row, reason="driver", at=NOON)
    starting.stop_overdue(at=later(minutes=3))
    assert Command.objects.filter(intent="stop").count() == 1, "it still waits"
    answer(send(station), "Rejected")
    starting.stop_overdue(at=later(minutes=3))
    assert Command.objects.filter(intent="stop").count() == 2
    answer(send(station, later(minutes=4)), "Rejected")
    starting.stop_overdue(at=later(minutes=9))
    assert Command.objects.filter(intent="stop").count() == 2
    station.stop(began.ocpp_id, later(minutes=10), 2000)


def test_limits_that_are_reached_already_are_enforced(station):
    from charge_points.services import metering  # noqa: PLC0415

    allow("tag")
    began = station.start("tag", meter=1000)
    metering.record([station.values(began.ocpp_id, energy(6000, later(minutes=30)))])
    transactions.set_limits(
        transaction_id=began.transaction_id, energy_limit_wh=5000, ends_by=None
    )
    assert Command.objects.filter(intent="stop").count() == 1


def test_limits_need_a_transaction(db):
    with pytest.raises(limits.UnableToSetLimits):
        transactions.set_limits(transaction_id=1, energy_limit_wh=1, ends_by=None)


def test_one_live_start_per_connector_in_the_database(station):
    station.reserve()
    row = StartHandle.objects.get()
    row.pk, row.order_number = None, OTHER_ORDER
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


@pytest.mark.parametrize(
    "change", [{"order_number": "short"}, {"energy_limit_wh": 0}], ids=str
)
def test_the_database_refuses_nonsense(station, change):
    station.reserve()
    with pytest.raises(IntegrityError), transaction.atomic():
        StartHandle.objects.update(**change)
