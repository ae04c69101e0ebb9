"""Charges as 1.6 stations begin them."""

import pytest

from charge_points.models import SecurityEvent, StartHandle
from charge_points.services import handles, metering, starting, transactions
from charge_points.services.connectors import UnableToFindConnector
from charge_points.services.transactions import starts
from tests.integration.charge_points.charges_v16 import tag
from tests.integration.charge_points.world import (
    NOON,
    ORDER,
    OTHER_ORDER,
    allow,
    energy,
    later,
    told,
)

__all__ = ["tag"]


def test_a_charge_by_token_from_start_to_stop(station, tag):
    began = station.start(tag, meter=1000)
    assert began.authorization.accepted
    answer = station.stop(
        began.ocpp_id, later(minutes=30), 8000, id_token=tag, reason="Local"
    )
    assert answer.outcome == "ended"
    assert answer.authorization.accepted
    row = station.transaction()
    assert (row.state, row.energy_wh, row.estimated) == ("ended", 7000, False)
    assert row.review_reason == ""
    assert told("TransactionStarted") == [
        {
            "transaction_id": row.pk,
            "charge_point": "CP-1",
            "evse": 1,
            "connector": 1,
            "order_number": None,
            "id_token": "TAG",
            "id_token_type": "",
            "started_at": "2026-05-04T12:00:00Z",
            "started_by": "token",
            "offline": False,
            "meter_start_wh": 1000,
        }
    ]
    assert told("TransactionEnded") == [
        {
            "transaction_id": row.pk,
            "order_number": None,
            "ended_at": "2026-05-04T12:30:00Z",
            "energy_wh": 7000,
            "stop_reason": "Local",
            "estimated": False,
            "review_reason": None,
            "unplugged": False,
        }
    ]


def test_ids_are_31_bit_and_differ(station, tag):
    first = station.start(tag)
    second = station.start(tag, at=later(minutes=1))
    ids = {int(first.ocpp_id), int(second.ocpp_id)}
    assert len(ids) == 2
    assert all(1 <= number < 2**31 for number in ids)


def test_an_id_that_is_taken_is_not_given_again(station, tag, monkeypatch):
    numbers = iter(["5", "5", "6"])
    monkeypatch.setattr(starts, "new_ocpp_id", lambda: next(numbers))
    assert station.start(tag).ocpp_id == "5"
    assert station.start(tag, at=later(minutes=1)).ocpp_id == "6"


def test_when_no_id_is_free_the_charger_sends_again(station, tag, monkeypatch):
    monkeypatch.setattr(starts, "new_ocpp_id", lambda: "5")
    station.start(tag)
    with pytest.raises(starts.UnableToStartTransaction):
        station.start(tag, at=later(minutes=1))


def test_a_repeated_start_gets_the_same_id_and_is_told_once(station, tag):
    first = station.start(tag)
    again = station.start("TAG")
    assert again.ocpp_id == first.ocpp_id
    assert again.repeated
    assert again.authorization.accepted
    assert told().count("TransactionStarted") == 1


@pytest.mark.parametrize(
    "other", [{"at": later(seconds=1)}, {"meter": 1001}, {"evse": 2}], ids=str
)
def test_another_start_is_another_transaction(station, tag, other):
    allow("tag", concurrent_allowed=True)
    assert station.start(tag).ocpp_id != station.start(tag, **other).ocpp_id


@pytest.mark.parametrize("status", ["blocked", "expired", "invalid"])
def test_a_refused_start_gets_an_id_and_bills_nobody(station, status):
    allow("tag", status)
    began = station.start("tag")
    assert began.authorization.status == status.capitalize()
    assert int(began.ocpp_id) > 0
    assert station.transaction().state == "refused"
    station.stop(began.ocpp_id, later(seconds=5), 1000, reason="DeAuthorized")
    row = station.transaction()
    assert (row.state, row.energy_wh, row.review_reason) == ("ended", 0, "")
    assert told() == []


def test_energy_after_a_refusal_is_shown_to_a_person(station):
    began = station.start("nobody")
    station.stop(began.ocpp_id, later(minutes=5), 2000)
    assert station.transaction().review_reason == "energy_after_refusal"
    assert told("TransactionStarted")[0]["started_by"] == "refused"
    assert told("TransactionEnded")[0]["review_reason"] == "energy_after_refusal"


def test_a_refused_start_closes_no_other_charge(station, tag):
    began = station.start(tag)
    station.start("nobody", at=later(minutes=1))
    assert station.transaction(ocpp_id=began.ocpp_id).state == "active"


def test_a_refused_start_uses_up_no_reservation(station):
    station.ask_start()
    station.start("nobody")
    assert StartHandle.objects.get().state == "pending"
    assert station.start(ORDER, at=later(seconds=9)).authorization.accepted


def test_one_charge_per_token_at_a_time(station, tag):
    station.start(tag)
    second = station.start(tag, evse=2, at=later(minutes=1))
    assert second.authorization.status == "ConcurrentTx"
    assert station.transaction(ocpp_id=second.ocpp_id).state == "refused"


def test_a_token_may_be_allowed_several_charges(station):
    allow("fleet", concurrent_allowed=True)
    station.start("fleet")
    assert station.start("fleet", evse=2).authorization.accepted


def test_a_new_start_on_a_connector_closes_the_one_that_lost_its_stop(station, tag):
    first = station.start(tag, meter=1000)
    metering.record([station.values(first.ocpp_id, energy(3000, later(minutes=20)))])
    second = station.start(tag, at=later(hours=2), meter=3500)
    assert second.authorization.accepted
    row = station.transaction(ocpp_id=first.ocpp_id)
    assert (row.state, row.estimated, row.energy_wh) == ("ended", True, 2000)
    assert row.ended_at == later(minutes=20)
    assert row.stop_reason == "SupersededByNewStart"
    assert told("TransactionEnded")[0]["estimated"] is True


def test_the_real_stop_of_an_estimated_end_corrects_it(station, tag):
    first = station.start(tag, meter=1000)
    metering.record([station.values(first.ocpp_id, energy(3000, later(minutes=20)))])
    station.start(tag, at=later(hours=2), meter=3500)
    answer = station.stop(
        first.ocpp_id, later(minutes=25), 3500, received_at=later(hours=3)
    )
    assert answer.outcome == "repeated"
    row = station.transaction(ocpp_id=first.ocpp_id)
    assert (row.energy_wh, row.estimated) == (2500, False)
    assert row.ended_at == later(minutes=25)
    assert told("TransactionCorrected") == [
        {"transaction_id": row.pk, "order_number": None}
    ]


def test_a_late_start_of_an_older_charge_closes_nothing(station, tag):
    running = station.start(tag, at=later(hours=5))
    station.start(tag, at=NOON, received_at=later(hours=6))
    assert station.transaction(ocpp_id=running.ocpp_id).state == "active"


def test_a_start_that_began_offline_is_accepted_as_it_comes(station):
    allow("tag", "blocked")
    began = station.start("tag", at=NOON, received_at=later(hours=3))
    assert began.authorization.status == "Blocked"
    row = station.transaction()
    assert (row.state, row.offline, row.started_by) == ("active", True, "offline")
    payload = told("TransactionStarted")[0]
    assert (payload["offline"], payload["started_by"]) == (True, "offline")


def test_an_offline_start_is_judged_as_of_its_begin(station):
    allow("tag", expires_at=later(hours=1))
    began = station.start("tag", at=NOON, received_at=later(hours=3))
    assert began.authorization.accepted


def test_an_order_starts_on_its_connector_once(station):
    station.ask_start()
    began = station.start(ORDER.lower())
    assert began.authorization.accepted
    assert StartHandle.objects.get().state == "started"
    assert told("TransactionStarted")[0]["order_number"] == ORDER
    assert told("TransactionStarted")[0]["started_by"] == "order"
    assert station.start(ORDER).repeated
    assert station.start(ORDER).authorization.accepted
    second = station.start(ORDER, at=later(minutes=1))
    assert second.authorization.status == "ConcurrentTx"
    answer = station.stop(began.ocpp_id, later(minutes=5), 2000, id_token=ORDER)
    assert answer.authorization.accepted
    assert StartHandle.objects.get().state == "ended"
    third = station.start(ORDER, at=later(minutes=6))
    assert third.authorization.status == "Invalid"


def test_an_order_on_another_connector_is_invalid_and_a_security_event(station):
    station.ask_start()
    began = station.start(ORDER, evse=2)
    assert began.authorization.status == "Invalid"
    assert SecurityEvent.objects.get().kind == "ForeignStartHandle"
    assert StartHandle.objects.get().state == "pending"


def test_an_order_at_another_station_is_invalid(station, stranger):
    station.ask_start()
    assert stranger.start(ORDER).authorization.status == "Invalid"
    assert SecurityEvent.objects.get().charge_point_id == stranger.id


def test_a_start_told_after_the_timeout_still_belongs_to_its_order(station):
    station.ask_start()
    starting.time_out(at=later(seconds=130))
    began = station.start(ORDER, at=later(seconds=60), received_at=later(hours=1))
    assert began.authorization.accepted
    assert StartHandle.objects.get().state == "started"
    payload = told("TransactionStarted")[0]
    assert (payload["order_number"], payload["offline"]) == (ORDER, True)


def test_a_late_start_under_a_new_order_frees_its_connector_at_the_end(station):
    station.ask_start()
    starting.time_out(at=later(seconds=130))
    began = station.start(ORDER, at=later(seconds=60), received_at=later(hours=1))
    transactions.attach_order(
        transaction_id=began.transaction_id, order_number=OTHER_ORDER, at=NOON
    )
    station.stop(began.ocpp_id, later(hours=2), 5000)
    assert StartHandle.objects.get().state == "ended"
    station.reserve("A" * 20, at=later(hours=3))


def test_a_start_that_began_after_the_timeout_does_not(station):
    station.ask_start()
    starting.time_out(at=later(seconds=130))
    began = station.start(ORDER, at=later(seconds=125), received_at=later(hours=1))
    assert began.authorization.status == "Invalid"


def test_a_late_start_leaves_the_connectors_new_order_alone(station):
    station.ask_start()
    starting.time_out(at=later(seconds=130))
    station.ask_start(OTHER_ORDER, at=later(seconds=140))
    station.start(ORDER, at=later(seconds=60), received_at=later(seconds=200))
    assert StartHandle.objects.get(order_number=ORDER).state == "failed"
    assert StartHandle.objects.get(order_number=OTHER_ORDER).state == "pending"
    assert station.transaction().order_number == ORDER
    assert not handles.mark_started(order_number=ORDER, transaction_id=1)


def test_a_start_before_the_cancellation_still_belongs_to_its_order(station):
    station.ask_start()
    starting.cancel(order_number=ORDER, at=later(seconds=30))
    late = station.start(ORDER, at=later(seconds=20), received_at=later(hours=1))
    assert late.authorization.accepted


def test_a_start_after_the_cancellation_does_not(station):
    station.ask_start()
    starting.cancel(order_number=ORDER, at=later(seconds=30))
    late = station.start(ORDER, at=later(seconds=40), received_at=later(hours=1))
    assert late.authorization.status == "Invalid"


def test_a_start_on_a_connector_that_cannot_exist_is_refused(station, tag):
    with pytest.raises(UnableToFindConnector):
        station.start(tag, evse=0)
