"""Every word of an answer to a token, by the rule behind it, in both versions."""

from datetime import UTC, datetime, time, timedelta

import pytest

from charge_points.models import Connector, IdToken, Transaction
from charge_points.services import id_tokens, local_lists
from charge_points.services.capabilities import of_station
from charge_points.services.id_tokens import UnableToPutPolicy
from tests.conformance.charging import allow, start
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)  # 14:00 at the site, in summer
VERSIONS = ["1.6", "2.0.1"]


def authorize(station, token="A1"):
    if station.version == "1.6":
        answer = station.call("Authorize", {"idTag": token})
        return answer["idTagInfo"]
    sent = {"idToken": {"idToken": token, "type": "ISO14443"}}
    return station.call("Authorize", sent)["idTokenInfo"]


@pytest.mark.parametrize(
    ("policy", "old", "new"),
    [
        ({}, "Accepted", "Accepted"),
        ({"status": "blocked"}, "Blocked", "Blocked"),
        ({"status": "expired"}, "Expired", "Expired"),
        ({"status": "invalid"}, "Invalid", "Invalid"),
        ({"expires_at": NOON}, "Expired", "Expired"),
        ({"driver_id": 7, "account_state": "blocked"}, "Blocked", "NoCredit"),
        ({"allowed_site_ids": [0]}, "Blocked", "NotAtThisLocation"),
        (
            {"valid_from": time(15), "valid_until": time(18)},
            "Blocked",
            "NotAtThisTime",
        ),
        (
            {"status": "blocked", "driver_id": 7, "account_state": "blocked"},
            "Blocked",
            "Blocked",
        ),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_authorize_says_why(version, policy, old, new):
    station = Station(version, now=NOON)
    allow(station, "A1", **policy)

    assert authorize(station)["status"] == (old if version == "1.6" else new)
    assert start(station, "A1") == (old if version == "1.6" else new)


def test_a_token_that_nobody_knows_is_unknown_where_there_is_a_word():
    assert authorize(Station("1.6"))["status"] == "Invalid"
    assert authorize(Station("2.0.1"))["status"] == "Unknown"
    assert start(Station("2.0.1"), "A1") == "Unknown"


def test_an_operator_that_cannot_be_paid_is_not_the_drivers_lack_of_credit():
    station = Station("2.0.1")
    allow(station, "A1", driver_id=7, account_state="ok")
    id_tokens.set_operator_state(
        operator_id=station.operator_id, can_be_paid=False, at=station.now
    )

    assert authorize(station)["status"] == "Blocked"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_second_charge_of_a_token_is_concurrent_and_authorize_is_not(version):
    station = Station(version)
    allow(station, "A1")
    assert start(station, "A1") == "Accepted"
    station.later(5)

    assert authorize(station)["status"] == "Accepted"
    assert start(station, "A1", evse=2) == "ConcurrentTx"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_connector_of_the_wrong_type_is_refused_at_the_start(version):
    station = Station(version)
    allow(station, "A1", allowed_connector_types=["CHADEMO"])
    Connector.objects.update(type="IEC_62196_T2")

    assert authorize(station)["status"] == "Accepted"
    word = "Blocked" if version == "1.6" else "NotAllowedTypeEVSE"
    assert start(station, "A1") == word


HOURS = [
    # begin, end, hour at the site, good, when that changes (UTC)
    (time(8), time(20), 14, True, NOON + timedelta(hours=6)),
    (time(8), time(14), 14, False, NOON + timedelta(hours=18)),
    (time(14), time(20), 14, True, NOON + timedelta(hours=6)),
    (time(22), time(6), 14, False, NOON + timedelta(hours=8)),
    (time(22), time(6), 23, True, NOON + timedelta(hours=16)),
    (time(22), time(6), 5, True, NOON + timedelta(hours=-8)),
]


@pytest.mark.parametrize(("begin", "end", "hour", "good", "changes_at"), HOURS)
def test_hours_follow_the_clock_of_the_site(begin, end, hour, good, changes_at):
    station = Station("2.0.1", now=NOON + timedelta(hours=hour - 14))
    allow(station, "A1", valid_from=begin, valid_until=end)

    info = authorize(station)
    assert info["status"] == ("Accepted" if good else "NotAtThisTime")
    # The station's cache forgets it in time (2.0.1 C10).
    assert info["cacheExpiryDateTime"] == changes_at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_a_token_of_all_hours_has_no_end_in_the_cache():
    station = Station("2.0.1")
    allow(station, "A1", valid_from=time(8), valid_until=time(8))

    assert authorize(station) == {"status": "Accepted"}


def test_the_earlier_end_counts_for_the_cache():
    station = Station("1.6", now=NOON)
    soon = NOON + timedelta(minutes=5)
    hours = {"valid_from": time(8), "valid_until": time(20)}
    allow(station, "A1", expires_at=soon, **hours)

    assert authorize(station)["expiryDate"] == "2026-05-04T12:05:00.000Z"


def test_a_charge_that_began_in_its_hours_may_be_told_after_them():
    station = Station("1.6", now=NOON + timedelta(hours=7))
    allow(station, "A1", valid_from=time(8), valid_until=time(20))
    answer = station.call(
        "StartTransaction",
        {
            "connectorId": 1,
            "idTag": "A1",
            "meterStart": 0,
            "timestamp": "2026-05-04T12:00:00Z",
        },
    )

    assert answer["idTagInfo"]["status"] == "Accepted"
    assert Transaction.objects.get().started_by == "offline"


def test_tokens_with_hours_and_of_other_sites_are_not_on_lists():
    station = Station("1.6", now=NOON)
    allow(station, "A1")
    allow(station, "A2", valid_from=time(8), valid_until=time(20))
    allow(station, "A3", allowed_site_ids=[0])
    row = local_lists.LocalList(
        charge_point_id=station.id, operator_id=station.operator_id
    )
    wanted = local_lists._wanted(row, of_station(station.id), NOON)

    assert set(wanted) == {"A1"}
    assert row.left_out == 0


def test_hours_have_two_ends():
    with pytest.raises(UnableToPutPolicy, match="a begin and an end"):
        id_tokens.put_policy(
            token="A1", status="accepted", operator_id=None, at=NOON, valid_from=time(8)
        )
    assert not IdToken.objects.exists()


@pytest.mark.parametrize("version", VERSIONS)
def test_group_and_expiry_are_told(version):
    station = Station(version, now=NOON)
    allow(station, "A1", group="FLEET", expires_at=NOON + timedelta(days=1))
    info = authorize(station)

    if version == "1.6":
        assert info["parentIdTag"] == "FLEET"
        assert info["expiryDate"].startswith("2026-05-05T12:00:00")
    else:
        assert info["groupIdToken"] == {"idToken": "FLEET", "type": "Central"}
        assert info["cacheExpiryDateTime"].startswith("2026-05-05T12:00:00")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_cache_is_cleared_by_command(version):
    station = Station(version)

    assert station.answer("ClearCache", {}, {"status": "Accepted"}).accepted
    assert not station.answer("ClearCache", {}, {"status": "Rejected"}).accepted
