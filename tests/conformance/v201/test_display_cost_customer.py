"""OCPP 2.0.1, blocks N and O, and status questions, through the real handlers."""

from datetime import timedelta

import pytest

from charge_points.models import CustomerInformation, DisplayMessage
from charge_points.services import customer_information
from tests.conformance.charging import allow, charge, start
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db


def message(key=1, content="Hello", **more):
    return {
        "id": key,
        "priority": "NormalCycle",
        "message": {"format": "UTF8", "content": content, "language": "en"},
        **more,
    }


def shown(station):
    rows = DisplayMessage.objects.filter(charge_point_id=station.id, state="set")
    return {row.message_id: row.content for row in rows}


def put(station, status="Accepted", **more):
    sent = {"message": message(**more)}
    station.answer("SetDisplayMessage", sent, {"status": status})


def test_an_accepted_message_is_kept_and_replaced_by_its_id_o01_o06(station):
    put(station)
    put(station, content="Again", state="Idle", endDateTime=station.stamp)
    put(station, "NotSupportedPriority", key=2)

    row = DisplayMessage.objects.get()
    assert (row.content, row.shown_in, row.ends_at) == ("Again", "Idle", station.now)


def test_a_certificates_address_is_not_kept(station):
    put(station, content="EVSE 1: https://charge.test/c/SECRETCODE")

    assert shown(station) == {1: "***"}


@pytest.mark.parametrize("word", ["Accepted", "Unknown"])
def test_a_cleared_message_is_gone_o05(station, word):
    put(station)
    station.answer("ClearDisplayMessage", {"id": 1}, {"status": word})

    assert shown(station) == {}


def test_the_list_that_the_station_tells_counts_o03(station):
    put(station)
    asked = {"requestId": 7}
    station.answer("GetDisplayMessages", asked, {"status": "Accepted"})
    told = {"requestId": 7, "messageInfo": [message(content="Changed"), message(5)]}

    assert station.call("NotifyDisplayMessages", told) == {}
    assert shown(station) == {1: "Changed", 5: "Hello"}


def test_no_messages_means_none_of_those_asked_for_o04(station):
    put(station)
    put(station, key=2)
    station.answer(
        "GetDisplayMessages", {"requestId": 1, "id": [2]}, {"status": "Unknown"}
    )

    assert set(shown(station)) == {1}


def ask_customer(station, status="Accepted", *, report=True, clear=False):
    sent = {"requestId": 3, "report": report, "clear": clear}
    station.answer("CustomerInformation", sent, {"status": status})


def tell_customer(station, seq_no, text, tbc):
    told = {
        "requestId": 3,
        "seqNo": seq_no,
        "data": text,
        "tbc": tbc,
        "generatedAt": station.stamp,
    }
    assert station.call("NotifyCustomerInformation", told) == {}


def test_a_report_comes_in_parts_of_any_order_n09(station):
    ask_customer(station)
    tell_customer(station, 1, "world", tbc=False)
    assert CustomerInformation.objects.get().state == "accepted"
    tell_customer(station, 0, "hello ", tbc=True)
    tell_customer(station, 0, "hello again ", tbc=True)

    row = CustomerInformation.objects.get()
    assert (row.state, row.text) == ("complete", "hello world")


def test_clearing_alone_is_complete_at_once_n10(station):
    ask_customer(station, report=False, clear=True)

    row = CustomerInformation.objects.get()
    assert (row.state, row.is_clear) == ("complete", True)


@pytest.mark.parametrize("word", ["Rejected", "Invalid"])
def test_a_refused_request_says_so(station, word):
    ask_customer(station, word)

    row = CustomerInformation.objects.get()
    assert (row.state, row.status_text) == ("refused", word)


def test_personal_data_are_dropped_after_their_time(station):
    ask_customer(station)
    assert customer_information.forget(at=station.now) == 0
    later = station.now + customer_information.RETENTION + timedelta(days=1)

    assert customer_information.forget(at=later) == 1


def test_a_charge_that_the_station_lost_is_closed_e14(station):
    row = charge(station)
    asked = {"transactionId": row.ocpp_id}
    waiting = {"ongoingIndicator": False, "messagesInQueue": True}
    station.answer("GetTransactionStatus", asked, waiting)
    row.refresh_from_db()
    assert row.state == "active"

    lost = {"ongoingIndicator": False, "messagesInQueue": False}
    station.answer("GetTransactionStatus", asked, lost)

    row.refresh_from_db()
    assert (row.state, row.stop_reason, row.estimated) == ("ended", "NotOngoing", True)


@pytest.mark.parametrize(("word", "good"), [("Accepted", True), ("Rejected", False)])
def test_the_cache_is_cleared_c11(station, word, good):
    assert station.answer("ClearCache", {}, {"status": word}).accepted is good


@pytest.mark.parametrize(
    ("word", "good"), [("Accepted", True), ("EmptyResultSet", False)]
)
def test_a_custom_report_is_asked_for_b08(station, word, good):
    sent = {"requestId": 1, "componentCriteria": ["Problem"]}
    assert station.answer("GetReport", sent, {"status": word}).accepted is good


def test_a_master_pass_is_authorized_and_starts_nothing_c16(station):
    allow(station, "MASTER", stop_only=True, group="GUARDS")
    asked = {"idToken": {"idToken": "MASTER", "type": "ISO14443"}}

    info = station.call("Authorize", asked)["idTokenInfo"]
    assert info["status"] == "Accepted"
    assert info["groupIdToken"]["idToken"] == "GUARDS"
    assert start(station, "MASTER") == "Invalid"


def test_a_token_of_other_sites_is_refused(station):
    allow(station, "A1", allowed_site_ids=[0])
    asked = {"idToken": {"idToken": "A1", "type": "ISO14443"}}

    answer = station.call("Authorize", asked)["idTokenInfo"]
    assert answer["status"] == "NotAtThisLocation"
    assert start(station, "A1") == "NotAtThisLocation"


def test_16_says_blocked_where_it_has_no_word():
    station = Station("1.6")
    allow(station, "A1", allowed_site_ids=[0])

    answer = station.call("Authorize", {"idTag": "A1"})
    assert answer["idTagInfo"]["status"] == "Blocked"
