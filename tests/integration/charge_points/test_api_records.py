"""The operator's REST: transactions and the message log."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from charge_points.services import messages
from charge_points.services.facts import MessageRow
from tests.integration.charge_points.api_world import (
    STATIONS,
    TRANSACTIONS,
    problem_of,
    staff_of,
    system_of,
)
from tests.integration.charge_points.world import (
    NOON,
    ORDER,
    allow,
    later,
    make_station,
)

TOKEN = "DEADBEEF"


@pytest.fixture
def ours(station, as_role):
    return system_of(as_role)


def own(station, what):
    return f"{STATIONS}/{station.identity}/{what}"


# -- transactions ----------------------------------------------------------------


@pytest.fixture
def charge(station):
    """Begins at noon with a token, ends after an hour with 11 kWh."""
    allow(TOKEN)
    begun = station.start(TOKEN)
    station.stop(begun.ocpp_id, later(hours=1), 12_000, reason="Local")
    return begun


def test_a_transaction_is_told_whole(ours, station, charge):
    (row,) = ours.rows(own(station, "transactions"))
    assert row["transaction_id"] == charge.ocpp_id
    assert (row["charge_point"], row["evse"], row["connector"]) == ("CP-1", 1, 1)
    assert (row["state"], row["started_by"]) == ("ended", "token")
    assert (row["id_token"], row["order_number"]) == (TOKEN, None)
    assert row["started_at"] == "2026-05-04T12:00:00Z"
    assert row["ended_at"] == "2026-05-04T13:00:00Z"
    assert row["stop_reason"] == "Local"
    assert row["energy_wh"] == 11_000
    assert (row["estimated"], row["review_reason"]) == (False, "")
    assert ours.rows(TRANSACTIONS) == [row]


def test_transactions_are_filtered(ours, station, charge):
    station.ask_start(ORDER, evse=2, at=NOON)
    station.start(ORDER, evse=2)
    for query, orders in (
        ({"state": "active"}, [ORDER]),
        ({"state": "ended"}, [None]),
        ({"state": "refused"}, []),
        ({"order_number": ORDER}, [ORDER]),
        ({"order_number": ORDER, "state": "ended"}, []),
        ({}, [ORDER, None]),
    ):
        for path in (TRANSACTIONS, own(station, "transactions")):
            found = [row["order_number"] for row in ours.rows(path, **query)]
            assert found == orders, (path, query)


@pytest.mark.parametrize(
    "query", [{"state": "done"}, {"state": ""}, {"order_number": "a\0b"}]
)
def test_a_wrong_filter_is_named(ours, station, query):
    for path in (TRANSACTIONS, own(station, "transactions")):
        answer = ours.get(path, **query)
        assert problem_of(answer) == (400, "validation_failed")
        assert list(answer.json()["errors"]) == list(query)


def test_one_station_tells_of_its_own_transactions_only(ours, station, charge):
    other = make_station("CP-8")
    other.start(TOKEN)
    assert len(ours.rows(TRANSACTIONS)) == 2
    (row,) = ours.rows(own(other, "transactions"))
    assert row["charge_point"] == "CP-8"


def test_transactions_of_another_operator_stay_unseen(ours, station, charge, stranger):
    stranger.start(TOKEN)
    assert {row["charge_point"] for row in ours.rows(TRANSACTIONS)} == {"CP-1"}


def test_staff_of_two_operators_sees_the_transactions_of_both(
    station, charge, stranger, as_role
):
    stranger.start(TOKEN)
    staff = staff_of(as_role, {"one": "viewer", "two": "finance"})
    seen = {row["charge_point"] for row in staff.rows(TRANSACTIONS)}
    assert seen == {"CP-1", "CP-2"}


def test_pages_of_transactions_lose_nothing(ours, station, charge):
    for hours in range(2, 7):
        begun = station.start(TOKEN, later(hours=hours))
        station.stop(begun.ocpp_id, later(hours=hours, minutes=5), 1_100)
    pages = ours.pages(TRANSACTIONS, page_size=4, state="ended")
    assert [len(page) for page in pages] == [4, 2]
    starts = [row["started_at"] for page in pages for row in page]
    assert starts == sorted(starts, reverse=True)
    assert len(set(starts)) == 6


# -- messages --------------------------------------------------------------------


def say(station, at, action="Heartbeat", text="{}", answer="{}", *, incoming=True):
    messages.record_many(
        [
            MessageRow(
                **station.who,
                version="1.6",
                incoming=incoming,
                action=action,
                message_id="1",
                at=at,
                answered_at=at,
                text=text,
                answer_text=answer,
            )
        ]
    )


def test_messages_of_the_last_day_are_shown_newest_first(ours, station):
    now = timezone.now()
    for hours in (30, 23, 1, 2):
        say(station, now - timedelta(hours=hours), text=f"{hours} h ago")
    found = [row["text"] for row in ours.rows(own(station, "messages"))]
    assert found == ["1 h ago", "2 h ago", "23 h ago"]


def test_a_message_is_told_with_its_answer(ours, station):
    say(station, NOON, "Reset", '[2,"1","Reset",{}]', '[3,"1",{}]', incoming=False)
    (row,) = ours.rows(own(station, "messages"), before=later(seconds=1).isoformat())
    assert row == {
        "at": "2026-05-04T12:00:00Z",
        "incoming": False,
        "version": "1.6",
        "action": "Reset",
        "message_id": "1",
        "text": '[2,"1","Reset",{}]',
        "answer_text": '[3,"1",{}]',
        "answered_at": "2026-05-04T12:00:00Z",
    }


def test_a_span_includes_its_begin_and_not_its_end(ours, station):
    for minutes in range(4):
        say(station, later(minutes=minutes), text=str(minutes))
    found = ours.rows(
        own(station, "messages"),
        since=later(minutes=1).isoformat(),
        before=later(minutes=3).isoformat(),
    )
    assert [row["text"] for row in found] == ["2", "1"]


def test_messages_are_searched(ours, station):
    say(station, NOON, "Authorize", '{"idTag":"AbCd"}', '{"status":"Invalid"}')
    say(station, NOON, "StartTransaction", '{"idTag":"other"}', "100%")
    say(station, NOON, "Reset", incoming=False)
    before = later(hours=1).isoformat()
    for query, actions in (
        ({"search": "abcd"}, {"Authorize"}),
        ({"search": "invalid"}, {"Authorize"}),
        ({"search": "%"}, {"StartTransaction"}),
        ({"search": "nobody"}, set()),
        ({"action": "Reset"}, {"Reset"}),
        ({"incoming": "false"}, {"Reset"}),
        ({"incoming": "true", "search": "other"}, {"StartTransaction"}),
    ):
        found = ours.rows(own(station, "messages"), before=before, **query)
        assert {row["action"] for row in found} == actions, query


def test_secrets_are_masked(ours, station):
    say(
        station,
        NOON,
        "ChangeConfiguration",
        '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"s3cret"}]',
        incoming=False,
    )
    before = later(hours=1).isoformat()
    path = own(station, "messages")
    (row,) = ours.rows(path, before=before)
    assert "s3cret" not in str(row)
    assert "AuthorizationKey" in row["text"]
    assert ours.rows(path, before=before, search="s3cret") == []


def test_pages_lose_no_message_of_the_same_instant(ours, station):
    for number in range(7):
        say(station, NOON if number < 5 else later(seconds=1), text=str(number))
    path = own(station, "messages")
    pages = ours.pages(path, page_size=2, before=later(hours=1).isoformat())
    assert [row["text"] for page in pages for row in page] == list("6543210")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"before": "yesterday"}, "before"),
        ({"before": "2026-13-45T00:00:00Z"}, "before"),
        ({"since": "2026-05-04T12:00:00Z", "before": "2026-05-04T12:00:00Z"}, "since"),
        ({"since": "2026-05-05T12:00:00Z", "before": "2026-05-04T12:00:00Z"}, "since"),
        ({"since": "2026-01-01T00:00:00Z", "before": "2026-05-04T12:00:00Z"}, "since"),
        ({"before": "0001-01-01T00:00:00Z"}, "since"),
        ({"search": "x" * 101}, "search"),
        ({"search": "a\0b"}, "search"),
        ({"incoming": "perhaps"}, "incoming"),
    ],
)
def test_a_wrong_question_is_named(ours, station, query, field):
    answer = ours.get(own(station, "messages"), **query)
    assert problem_of(answer) == (400, "validation_failed")
    assert list(answer.json()["errors"]) == [field]


@pytest.mark.parametrize("cursor", ["cD0yMDI2LTk5LTk5", "cD1hYmM=", "cD0lMDA="])
def test_a_made_up_cursor_is_refused(ours, station, cursor):
    answer = ours.get(f"{own(station, 'messages')}?cursor={cursor}")
    assert problem_of(answer) == (404, "not_found")


def test_another_operators_messages_stay_unseen(ours, station, stranger, as_role):
    say(stranger, timezone.now())
    assert ours.rows(own(station, "messages")) == []
    theirs = system_of(as_role, "two")
    assert len(theirs.rows(own(stranger, "messages"))) == 1


def test_lists_cost_the_same_however_long_they_are(ours, station, charge):
    paths = [TRANSACTIONS, own(station, "transactions"), own(station, "messages")]

    def costs():
        found = []
        for path in paths:
            with CaptureQueriesContext(connection) as queries:
                assert ours.rows(path)
            found.append(len(queries))
        return found

    now = timezone.now()
    say(station, now - timedelta(minutes=1))
    few = costs()
    for number in range(10):
        other = make_station(f"CP-1{number}")
        other.start(TOKEN, later(hours=2))
        begun = station.start(TOKEN, later(hours=2 + number))
        station.stop(begun.ocpp_id, later(hours=2 + number, minutes=5), 1_100)
        say(station, now - timedelta(minutes=2))
    assert costs() == few
