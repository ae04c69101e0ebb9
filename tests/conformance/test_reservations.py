"""Reservations in both versions, through the real handlers."""

from datetime import timedelta

import pytest

from charge_points.models import Command, Reservation
from charge_points.services import reservations
from charge_points.services.reservations import NewReservation
from cpms.outbox.models import EventRecord
from tests.conformance.charging import allow, start
from tests.conformance.stations import Station
from tests.conformance.waiting_commands import under_way

pytestmark = pytest.mark.django_db


def reserve(station, token="A1", evse=1, minutes=30, key="k", **more):
    return reservations.reserve(
        wanted=NewReservation(
            charge_point_id=station.id,
            evse=evse,
            id_token=token,
            expires_at=station.now + timedelta(minutes=minutes),
            idempotency_key=key,
            **more,
        ),
        by="test",
        at=station.now,
    )


def accepted(station, row, word="Accepted"):
    action, payload = under_way(station, reservations.RESERVE)
    station.answer(action, payload, {"status": word})
    row.refresh_from_db()
    return payload


def told(topic="ReservationChanged"):
    rows = EventRecord.objects.filter(topic=topic).order_by("id")
    return [row.payload["state"] for row in rows]


def test_a_reservation_is_asked_for_and_becomes_active(station):
    allow(station, "A1", group="FAMILY")
    row = reserve(station)
    payload = accepted(station, row)

    assert row.state == "active"
    assert "FAMILY" in str(payload)
    assert told() == ["active"]
    assert reserve(station).pk == row.pk


@pytest.mark.parametrize("word", ["Occupied", "Faulted", "Unavailable", "Rejected"])
def test_a_refused_reservation_says_why(station, word):
    row = reserve(station)
    accepted(station, row, word)

    assert (row.state, row.end_reason) == ("rejected", word)


def test_the_reserved_token_uses_its_reservation(station):
    allow(station, "A1")
    row = reserve(station)
    accepted(station, row)

    assert start(station, "A1", number=row.number) == "Accepted"

    row.refresh_from_db()
    assert row.state == "used"
    assert row.transaction.id_token == "A1"
    assert told() == ["active", "used"]


def test_a_token_of_the_group_uses_it_without_naming_it(station):
    allow(station, "A1", "A2", group="FAMILY")
    row = reserve(station)
    accepted(station, row)

    start(station, "A2")

    row.refresh_from_db()
    assert row.state == "used"


def test_a_stranger_who_names_the_reservation_does_not_use_it(station):
    allow(station, "A1", "B1")
    row = reserve(station)
    accepted(station, row)

    start(station, "B1", number=row.number)

    row.refresh_from_db()
    assert row.state == "active"


def test_a_rejected_start_never_uses_a_reservation(station):
    allow(station, "A1", status="blocked")
    row = reserve(station)
    accepted(station, row)

    assert start(station, "A1", number=row.number) == "Blocked"

    row.refresh_from_db()
    assert row.state == "active"


@pytest.mark.parametrize("word", ["Accepted", "Rejected"])
def test_a_cancelled_reservation_is_gone(station, word):
    row = reserve(station)
    accepted(station, row)
    reservations.cancel(reservation_id=row.pk, by="test", at=station.now)
    action, payload = under_way(station, reservations.CANCEL)
    station.answer(action, payload, {"status": word})

    row.refresh_from_db()
    assert row.state == "cancelled"
    with pytest.raises(reservations.UnableToCancelReservation):
        reservations.cancel(reservation_id=row.pk, by="test", at=station.now)


def test_what_the_station_never_got_is_taken_back_at_once(station):
    row = reserve(station)

    reservations.cancel(reservation_id=row.pk, by="test", at=station.now)

    row.refresh_from_db()
    assert row.state == "cancelled"
    assert not Command.objects.filter(state="queued").exists()


def test_an_unanswered_reservation_is_cancelled_at_the_station(station):
    row = reserve(station)
    action, payload = under_way(station, reservations.RESERVE)
    station.fail(action, payload, "Timeout")

    row.refresh_from_db()
    assert row.state == "failed"
    assert under_way(station, reservations.CANCEL)[1] == {"reservationId": row.number}


def test_an_evse_is_reserved_once(station):
    reserve(station)
    with pytest.raises(reservations.UnableToReserveConnector, match="reserved already"):
        reserve(station, "B1", key="other")
    assert reserve(station, "B1", evse=2, key="third").number == 2


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"evse": 9}, "unknown_evse"),
        ({"minutes": -1}, "expiry_invalid"),
        ({"minutes": 60 * 24 * 8}, "expiry_invalid"),
        ({"token": " "}, "token_invalid"),
    ],
)
def test_a_reservation_that_makes_no_sense_is_refused(station, more, code):
    with pytest.raises(reservations.UnableToReserveConnector) as refused:
        reserve(station, **more)
    assert refused.value.code == code


def test_a_reservation_ends_with_its_time(station):
    row = reserve(station, minutes=10)
    accepted(station, row)
    station.later(11 * 60)
    assert reservations.expire(at=station.now) == 0  # the station may still tell
    station.later(10 * 60)

    assert reservations.expire(at=station.now) == 1
    row.refresh_from_db()
    assert row.state == "expired"


@pytest.mark.parametrize(
    ("word", "state"), [("Expired", "expired"), ("Removed", "removed")]
)
def test_the_station_tells_the_end_h04(word, state):
    station = Station("2.0.1")
    row = reserve(station)
    accepted(station, row)

    answer = station.call(
        "ReservationStatusUpdate",
        {"reservationId": row.number, "reservationUpdateStatus": word},
    )

    assert answer == {}
    row.refresh_from_db()
    assert row.state == state


def test_an_unknown_reservation_is_answered_and_counted():
    station = Station("2.0.1")
    update = {"reservationId": 99, "reservationUpdateStatus": "Expired"}

    assert station.call("ReservationStatusUpdate", update) == {}
    assert station.quirks == ["unknown_reservation"]


def test_in_16_the_connectors_state_tells_the_end():
    station = Station("1.6")
    row = reserve(station)
    accepted(station, row)
    for word in ("Reserved", "Available"):
        station.later(5)
        station.call(
            "StatusNotification",
            {
                "connectorId": 1,
                "status": word,
                "errorCode": "NoError",
                "timestamp": station.stamp,
            },
        )

    row.refresh_from_db()
    assert row.state == "removed"
    assert Reservation.objects.get().end_reason == "told by the connector"


def test_a_connector_type_can_be_reserved_h01():
    station = Station("2.0.1")
    reserve(station, evse=0, connector_type="cCCS2")
    _, payload = under_way(station, reservations.RESERVE)

    assert payload["connectorType"] == "cCCS2"
    assert "evseId" not in payload
