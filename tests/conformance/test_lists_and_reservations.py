"""Local lists and reservations in both versions, through the real handlers."""

from datetime import timedelta

import pytest

from charge_points.models import Command, LocalList, Reservation
from charge_points.services import id_tokens, local_lists, reservations
from charge_points.services.facts import VariableFact
from charge_points.services.reservations import NewReservation
from charge_points.services.variables import record
from cpms.outbox.models import EventRecord
from tests.conformance.stations import TABLES, Station

pytestmark = pytest.mark.django_db
BOTH = ("1.6", "2.0.1")
ACTIONS = {
    local_lists.SEND: "SendLocalList",
    local_lists.ASK_VERSION: "GetLocalListVersion",
    reservations.RESERVE: "ReserveNow",
    reservations.CANCEL: "CancelReservation",
}


@pytest.fixture(params=BOTH)
def station(request):
    return Station(request.param)


def allow(station, *tokens, **fields):
    for value in tokens:
        id_tokens.put_policy(
            token=value,
            **{"status": "accepted", "operator_id": station.operator_id, **fields},
            at=station.now,
        )


def configure(station, **values):
    names = {
        "items": (
            ("", "SendLocalListMaxLength"),
            ("LocalAuthListCtrlr", "ItemsPerMessage"),
        ),
        "enabled": (("", "LocalAuthListEnabled"), ("LocalAuthListCtrlr", "Enabled")),
    }
    facts = []
    for key, value in values.items():
        component, name = names[key][station.version == "2.0.1"]
        facts.append(VariableFact(variable=name, component=component, value=str(value)))
    record(
        charge_point_id=station.id,
        operator_id=station.operator_id,
        facts=facts,
        source="test",
        at=station.now,
    )


def under_way(station, intent):
    """The wording of the one command of an intent that waits, now taken."""
    row = Command.objects.get(charge_point_id=station.id, intent=intent, state="queued")
    Command.objects.filter(pk=row.pk).update(state="accepted")
    action, payload = station.word(row.intent, row.arguments)
    assert action == ACTIONS[intent]
    return action, payload


def version_word(station):
    return "listVersion" if station.version == "1.6" else "versionNumber"


def synced(station, version=0):
    """Ask for the version, and let the station answer it."""
    local_lists.sync(charge_point_id=station.id, at=station.now)
    action, payload = under_way(station, local_lists.ASK_VERSION)
    station.answer(action, payload, {version_word(station): version})


def send_part(station, status="Accepted"):
    action, payload = under_way(station, local_lists.SEND)
    station.later(1)
    station.answer(action, payload, {"status": status})
    return payload


def listed(station):
    return LocalList.objects.get(charge_point_id=station.id)


def test_an_empty_list_is_filled_by_differences_that_fit_into_messages(station):
    configure(station, items=2)
    allow(station, "A1", "A2", "A3", group="FAMILY")
    synced(station)

    first = send_part(station)
    second = send_part(station)

    assert first["updateType"] == "Differential"
    assert len(first["localAuthorizationList"]) == 2
    assert len(second["localAuthorizationList"]) == 1
    assert second[version_word(station)] == first[version_word(station)] + 1
    row = listed(station)
    assert row.state == "in_sync"
    assert set(row.entries) == {"A1", "A2", "A3"}
    assert "FAMILY" in str(first)


def test_a_list_of_unknown_content_is_replaced_whole(station):
    allow(station, "A1")
    synced(station, version=7)

    payload = send_part(station)

    assert payload["updateType"] == "Full"
    assert payload[version_word(station)] == 8
    assert listed(station).state == "in_sync"


@pytest.mark.parametrize("word", ["VersionMismatch", "Failed"])
def test_a_part_that_failed_leads_to_a_full_list_after_a_while(station, word):
    allow(station, "A1")
    synced(station)
    send_part(station, word)
    row = listed(station)
    assert row.entries is None
    assert row.not_before > station.now

    station.later(600)
    local_lists.sync(charge_point_id=station.id, at=station.now)

    assert send_part(station)["updateType"] == "Full"
    assert listed(station).state == "in_sync"


def test_a_policy_that_changed_goes_out_as_a_difference_and_a_withdrawn_one_leaves(
    station,
):
    allow(station, "A1", "A2")
    synced(station)
    send_part(station)
    allow(station, "A1", status="blocked")

    local_lists.sync(charge_point_id=station.id, at=station.later(1) and station.now)
    payload = send_part(station)

    assert payload["updateType"] == "Differential"
    assert len(payload["localAuthorizationList"]) == 1
    assert listed(station).entries["A1"]["status"] == "Blocked"


def test_a_station_without_lists_is_not_asked_again(station):
    allow(station, "A1")
    local_lists.sync(charge_point_id=station.id, at=station.now)
    action, payload = under_way(station, local_lists.ASK_VERSION)
    station.fail(action, payload, "NotImplemented")

    assert listed(station).state == "not_supported"
    local_lists.sync_due(at=station.now)
    assert not Command.objects.filter(charge_point_id=station.id, state="queued")


def test_minus_one_says_that_there_are_no_lists():
    station = Station("1.6")
    allow(station, "A1")
    synced(station, version=-1)

    assert listed(station).state == "not_supported"


def test_after_a_lost_part_the_version_is_asked_for_first(station):
    allow(station, "A1")
    synced(station)
    action, payload = under_way(station, local_lists.SEND)
    station.fail(action, payload, "Timeout")
    station.later(300)

    local_lists.sync(charge_point_id=station.id, at=station.now)

    assert under_way(station, local_lists.ASK_VERSION)


def test_a_list_that_is_switched_off_gets_nothing(station):
    configure(station, enabled="false")
    allow(station, "A1")

    assert not local_lists.sync(charge_point_id=station.id, at=station.now)


def test_lists_of_other_operators_never_hold_our_tokens(station):
    other = Station(station.version, operator="other")
    allow(other, "FOREIGN")
    allow(station, "A1")
    synced(station)
    send_part(station)

    assert set(listed(station).entries) == {"A1"}


# -- reservations ----------------------------------------------------------------


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


def start(station, token, evse=1, number=None):
    if station.version == "1.6":
        extra = {} if number is None else {"reservationId": number}
        return station.call(
            "StartTransaction",
            {
                "connectorId": evse,
                "idTag": token,
                "meterStart": 0,
                "timestamp": station.stamp,
                **extra,
            },
        )["idTagInfo"]["status"]
    extra = {} if number is None else {"reservationId": number}
    answer = station.call(
        "TransactionEvent",
        {
            "eventType": "Started",
            "timestamp": station.stamp,
            "triggerReason": "Authorized",
            "seqNo": 0,
            "transactionInfo": {"transactionId": f"tx-{token}-{evse}"},
            "evse": {"id": evse, "connectorId": 1},
            "idToken": {"idToken": token, "type": "ISO14443"},
            **extra,
        },
    )
    return answer["idTokenInfo"]["status"]


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


def test_every_intent_is_worded_by_both_versions():
    for version in BOTH:
        for intent in (local_lists.ASK_VERSION,):
            assert TABLES[version].translate(intent, {})
