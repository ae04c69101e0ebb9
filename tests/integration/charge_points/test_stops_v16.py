"""Charges as 1.6 stations end them."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction as database

from charge_points.models import MeterValue, QuirkCount, SecurityEvent, Transaction
from charge_points.services import metering, starting, transactions
from tests.integration.charge_points.charges_v16 import tag
from tests.integration.charge_points.world import (
    NOON,
    ORDER,
    allow,
    energy,
    later,
    told,
)

__all__ = ["tag"]


def test_a_stop_is_answered_alike_when_it_comes_twice(station, tag):
    began = station.start(tag)
    for _ in range(2):
        answer = station.stop(began.ocpp_id, later(minutes=5), 2000)
    assert answer.outcome == "repeated"
    assert told().count("TransactionEnded") == 1
    assert not QuirkCount.objects.exists()


@pytest.mark.parametrize(
    ("at", "meter"), [(later(minutes=5), 2500), (later(minutes=6), 2000)]
)
def test_a_second_stop_that_differs_is_counted_and_changes_nothing(
    station, tag, at, meter
):
    began = station.start(tag)
    station.stop(began.ocpp_id, later(minutes=5), 2000)
    station.stop(began.ocpp_id, at, meter)
    assert station.transaction().energy_wh == 1000
    row = QuirkCount.objects.get()
    assert row.quirk == "repeated_stop_differs"
    assert str(meter) in row.example


def test_a_stop_without_a_known_start_is_kept_as_a_count(station):
    answer = station.stop("12345", later(minutes=5), 2000)
    assert answer.outcome == "unknown"
    row = QuirkCount.objects.get()
    assert row.quirk == "stop_without_start"
    assert "12345" in row.example


def test_an_unknown_stop_is_told_what_its_token_is_worth(station, tag):
    answer = station.stop("12345", later(minutes=5), 2000, id_token=tag)
    assert answer.authorization.accepted


def test_another_stations_charge_cannot_be_stopped(station, stranger, tag):
    began = station.start(tag)
    answer = stranger.stop(began.ocpp_id, later(minutes=5), 2000)
    assert answer.outcome == "foreign"
    assert answer.authorization.status == "Invalid"
    assert station.transaction().state == "active"
    assert SecurityEvent.objects.get().kind == "ForeignTransaction"


@pytest.mark.parametrize("no_id", ["-1", "0"])
def test_a_station_that_never_got_its_id_means_its_only_charge(station, tag, no_id):
    station.start(tag)
    answer = station.stop(no_id, later(minutes=5), 2000, id_token=tag)
    assert answer.outcome == "ended"


def test_without_id_and_with_two_charges_nobody_guesses(station):
    allow("fleet", concurrent_allowed=True)
    station.start("fleet")
    station.start("fleet", evse=2)
    answer = station.stop("-1", later(minutes=5), 2000, id_token="fleet")
    assert answer.outcome == "unknown"
    assert Transaction.objects.filter(state="active").count() == 2


@pytest.mark.parametrize(
    ("token", "status"),
    [("tag", "Accepted"), ("friend", "Accepted"), ("nobody", "Invalid")],
)
def test_the_token_of_a_stop_is_judged(station, tag, token, status):
    allow("friend")
    began = station.start(tag)
    answer = station.stop(began.ocpp_id, later(minutes=5), 2000, id_token=token)
    assert answer.authorization.status == status
    assert answer.outcome == "ended"


def test_the_samples_of_the_stop_are_kept_and_preferred(station, tag):
    began = station.start(tag, meter=1000)
    station.stop(
        began.ocpp_id,
        later(minutes=30),
        5000,
        samples=[
            energy("1000.5", NOON, context="Transaction.Begin"),
            energy("5000.75", later(minutes=30), context="Transaction.End"),
        ],
    )
    row = station.transaction()
    assert row.energy_wh == Decimal("4000.25")
    assert MeterValue.objects.filter(transaction_id=row.pk).count() == 2


@pytest.mark.parametrize("meter", [None])
def test_a_stop_without_register_is_estimated_from_the_last_sample(station, tag, meter):
    began = station.start(tag, meter=1000)
    metering.record([station.values(began.ocpp_id, energy(4000, later(minutes=20)))])
    station.stop(began.ocpp_id, later(minutes=30), meter)
    row = station.transaction()
    assert (row.energy_wh, row.estimated, row.review_reason) == (3000, True, "")


def test_a_register_that_fell_goes_to_a_person(station, tag):
    began = station.start(tag, meter=5000)
    station.stop(began.ocpp_id, later(minutes=30), 1000)
    assert told("TransactionEnded")[0]["review_reason"] == "meter_regression"
    assert told("TransactionEnded")[0]["energy_wh"] == 0


def test_a_reset_inside_of_a_charge_goes_to_a_person(station, tag):
    began = station.start(tag, meter=5000)
    metering.record(
        [
            station.values(
                began.ocpp_id,
                energy(7000, later(minutes=10)),
                energy(100, later(minutes=20)),
                energy(600, later(minutes=30)),
            )
        ]
    )
    station.stop(began.ocpp_id, later(minutes=40), 1100)
    row = station.transaction()
    assert row.review_reason == "meter_reset"
    assert row.energy_wh == 2000 + 500 + 500


def test_more_than_the_connector_can_give_goes_to_a_person(station, tag):
    began = station.start(tag, meter=0)
    station.stop(began.ocpp_id, later(minutes=30), 910_000)
    assert station.transaction().review_reason == "energy_jump"


def test_a_begin_of_0_that_is_none_bills_only_what_was_seen(station, tag):
    began = station.start(tag, meter=0)
    metering.record([station.values(began.ocpp_id, energy(910_000, later(minutes=1)))])
    station.stop(began.ocpp_id, later(minutes=30), 910_083)
    row = station.transaction()
    assert (row.energy_wh, row.review_reason) == (83, "begin_placeholder")


def test_a_stop_before_the_start_has_no_length(station, tag):
    began = station.start(tag)
    station.stop(began.ocpp_id, later(minutes=-5), 1500)
    row = station.transaction()
    assert row.ended_at == row.started_at
    assert row.review_reason == "ends_before_start"


@pytest.mark.parametrize(
    ("reason", "unplugged"), [("EVDisconnected", True), ("Local", False)]
)
def test_a_vehicle_that_left_is_unplugged(station, tag, reason, unplugged):
    began = station.start(tag)
    station.stop(began.ocpp_id, later(minutes=5), 2000, reason=reason)
    assert told("TransactionEnded")[0]["unplugged"] is unplugged
    station.tell_status("available", later(minutes=6))
    assert len(told("Unplugged")) == (0 if unplugged else 1)


def test_an_unplug_told_before_the_stop_counts(station, tag):
    station.tell_status("charging")
    began = station.start(tag)
    station.tell_status("available", later(minutes=5))
    station.stop(began.ocpp_id, later(minutes=5), 2000)
    assert told("TransactionEnded")[0]["unplugged"] is True


def test_billing_ties_an_order_to_a_token_charge(station, tag):
    began = station.start(tag)
    for _ in range(2):
        transactions.attach_order(
            transaction_id=began.transaction_id, order_number=ORDER, at=NOON
        )
    assert starting.request_stop(order_number=ORDER, reason="declined", at=NOON)
    station.stop(began.ocpp_id, later(minutes=5), 2000)
    assert told("TransactionEnded")[0]["order_number"] == ORDER


def test_an_order_cannot_be_tied_to_nothing(db):
    with pytest.raises(transactions.UnableToAttachOrder):
        transactions.attach_order(transaction_id=1, order_number=ORDER, at=NOON)


def test_a_silent_charge_is_closed_from_its_last_sample(station, tag):
    began = station.start(tag, meter=1000)
    metering.record([station.values(began.ocpp_id, energy(4000, later(hours=1)))])
    assert transactions.close_silent(at=later(hours=24)) == 0
    assert transactions.close_silent(at=later(hours=25)) == 1
    row = station.transaction()
    assert (row.state, row.energy_wh, row.estimated) == ("ended", 3000, True)
    assert row.ended_at == later(hours=1)
    assert told("TransactionEnded")[0]["estimated"] is True


def test_a_silent_charge_without_samples_has_no_energy(station, tag):
    station.start(tag, meter=1000)
    transactions.close_silent(at=later(days=2))
    row = station.transaction()
    assert (row.energy_wh, row.review_reason) == (0, "no_meter_values")


def test_refused_starts_do_not_stay_open_for_ever(station):
    station.start("nobody")
    assert transactions.close_silent(at=later(days=2)) == 1
    assert station.transaction().state == "ended"


@pytest.mark.parametrize(
    "change",
    [{"state": "ended"}, {"energy_wh": Decimal(-1)}],
    ids=str,
)
def test_the_database_refuses_nonsense(station, tag, change):
    station.start(tag)
    with pytest.raises(IntegrityError), database.atomic():
        Transaction.objects.update(**change)
