"""Charges whose 2.0.1 events come late, offline or without a place."""

from decimal import Decimal

from charge_points.models import (
    MeterValue,
    PlugInEpisode,
    Transaction,
    TransactionPhase,
)
from charge_points.services import transactions
from tests.integration.charge_points.charges_v201 import BEGIN, END, charge, tag
from tests.integration.charge_points.world import (
    NOON,
    ORDER,
    allow,
    energy,
    later,
    told,
)

__all__ = ["tag"]


def test_what_was_queued_offline_is_accepted_as_it_comes(station):
    allow("tag", "blocked")
    answer = station.tell(
        0, "Started", NOON, received_at=later(hours=2), id_token="tag", offline=True
    )
    assert answer.authorization.status == "Blocked"
    assert told("TransactionStarted")[0]["started_by"] == "offline"


def test_an_ended_that_names_nobody_before_the_started_that_does(station, tag):
    events = charge(station, tag)
    transactions.apply_events([events[-1]])
    assert told("TransactionEnded") == []
    transactions.apply_events([events[0]])
    assert told("TransactionStarted")[0]["started_at"] == "2026-05-04T12:00:00Z"
    assert told("TransactionEnded")[0]["energy_wh"] == 3000


def test_late_values_after_the_end_correct_it_when_they_change_it(station, tag):
    station.tell(
        0, "Started", id_token=tag, samples=[energy(1000, NOON, context=BEGIN)]
    )
    station.tell(2, "Ended", later(minutes=30))
    row = station.transaction()
    assert (row.energy_wh, row.estimated) == (0, True)
    answer = station.tell(
        1, at=later(minutes=20), samples=[energy(4000, later(minutes=20))]
    )
    assert answer.quirks == ("event_after_end",)
    row.refresh_from_db()
    assert row.energy_wh == 3000
    assert told("TransactionCorrected") == [
        {"transaction_id": row.pk, "order_number": None}
    ]


def test_late_values_that_change_nothing_are_kept_quietly(station, tag):
    events = charge(station, tag)
    transactions.apply_events([events[0], events[2], events[3]])
    transactions.apply_events([events[1]])
    assert "TransactionCorrected" not in told()
    assert MeterValue.objects.count() == 4


def test_the_ended_of_a_charge_that_was_closed_silently_corrects_it(station, tag):
    station.tell(
        0, "Started", id_token=tag, samples=[energy(1000, NOON, context=BEGIN)]
    )
    transactions.close_silent(at=later(days=2))
    station.tell(
        1,
        "Ended",
        later(hours=1),
        received_at=later(days=3),
        samples=[energy(5000, later(hours=1), context=END)],
    )
    row = station.transaction()
    assert (row.energy_wh, row.estimated) == (4000, False)
    assert len(told("TransactionCorrected")) == 1


def test_charging_states_become_phases(station, tag):
    station.tell(0, "Started", id_token=tag, charging_state="EVConnected")
    station.tell(1, at=later(minutes=1), charging_state="Charging")
    station.tell(2, at=later(minutes=2), charging_state="Charging")
    station.tell(3, at=later(minutes=9), charging_state="SuspendedEV")
    phases = TransactionPhase.objects.order_by("starts_at")
    assert [(p.state, p.starts_at) for p in phases] == [
        ("charging", later(minutes=1)),
        ("parking", later(minutes=9)),
    ]


def test_an_idle_state_is_an_unplug(station, tag):
    station.tell(0, "Started", id_token=tag, trigger_reason="CablePluggedIn")
    station.tell(1, at=later(minutes=5), charging_state="Idle")
    assert told("Unplugged")[0]["at"] == "2026-05-04T12:05:00Z"
    assert PlugInEpisode.objects.get().ended_at == later(minutes=5)


def test_the_evse_may_be_named_later(station, tag):
    station.tell(0, "Started", evse=0, connector=0)
    assert station.transaction().connector_id is None
    station.tell(1, at=later(minutes=1), evse=2, connector=1, id_token=tag)
    assert station.transaction().connector_id == station.connector(2).pk


def test_a_limit_is_enforced_by_events_too(station):
    from charge_points.models import Command  # noqa: PLC0415

    handle = station.ask_start(energy_limit_wh=2000)
    station.tell(
        0,
        "Started",
        id_token=ORDER,
        remote_start_id=handle.pk,
        samples=[energy(1000, NOON, context=BEGIN)],
    )
    station.tell(1, at=later(minutes=9), samples=[energy(3000, later(minutes=9))])
    command = Command.objects.get(intent="stop")
    assert command.arguments["transaction_id"] == "tx-1"


def test_transaction_ids_of_different_stations_do_not_meet(station, stranger, tag):
    station.tell(0, "Started", id_token=tag)
    stranger.tell(0, "Started", ocpp_id="tx-1")
    assert Transaction.objects.filter(ocpp_id="tx-1").count() == 2


def test_registers_are_exact(station, tag):
    station.tell(
        0, "Started", id_token=tag, samples=[energy("0.1", NOON, context=BEGIN)]
    )
    station.tell(
        1,
        "Ended",
        later(minutes=30),
        samples=[energy("0.4", later(minutes=30), context=END)],
    )
    assert station.transaction().energy_wh == Decimal("0.3")
