"""Local lists in both versions, through the real handlers."""

import pytest

from charge_points.models import Command, LocalList
from charge_points.services import local_lists
from charge_points.services.facts import VariableFact
from charge_points.services.variables import record
from tests.conformance.charging import allow
from tests.conformance.stations import TABLES, Station
from tests.conformance.waiting_commands import under_way

pytestmark = pytest.mark.django_db
BOTH = ("1.6", "2.0.1")


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


def test_every_intent_is_worded_by_both_versions():
    for version in BOTH:
        for intent in (local_lists.ASK_VERSION,):
            assert TABLES[version].translate(intent, {})
