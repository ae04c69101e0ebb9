"""Registration, intervals, meter keys and the conformance report: REST and pages."""

from datetime import timedelta

import pytest
from django.urls import reverse

from charge_points.models import ChargePoint, Command, MeterKey, Transaction
from charge_points.services import boots, quirks
from charge_points.services.facts import QuirkRow
from cpms.accounts.models import AuditEntry
from tests.integration.charge_points.admin_world import make_staff, set_version
from tests.integration.charge_points.api_world import (
    STATIONS,
    TRANSACTIONS,
    problem_of,
    system_of,
)
from tests.integration.charge_points.world import NOON, make_operator, make_station
from tests.unit.charge_points.services.test_ocmf import (
    KEBA_KEY,
    public,
    reading,
    signed,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours(station, as_role):
    return system_of(as_role)


@pytest.fixture
def web(client, station, as_role):
    client.force_login(make_staff("t@example.org", station.operator_id, "technician"))
    with as_role("app"):
        yield client


def own(station, what):
    return f"{STATIONS}/{station.identity}/{what}"


def patch(caller, path, body):
    with caller.as_role("app"):
        return caller.client.patch(path, body, content_type="application/json")


def test_registration_and_intervals_are_changed_by_rest(ours, station):
    answer = patch(
        ours,
        own(station, "registration"),
        {"registration": "pending", "boot_retry_interval_s": 30},
    )

    assert answer.status_code == 200, answer.content
    assert answer.json()["registration"] == "pending"
    row = ChargePoint.objects.get(pk=station.id)
    assert (row.boot_retry_interval_s, row.heartbeat_interval_s) == (30, None)
    assert ours.get(own(station, "registration")).json()["boot_retry_interval_s"] == 30
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {
        "charge_point.intervals_changed",
        "charge_point.registration_changed",
    } <= actions


def test_what_is_left_out_stays_and_null_takes_back(ours, station):
    path = own(station, "registration")
    patch(ours, path, {"heartbeat_interval_s": 60, "boot_retry_interval_s": 30})
    answer = patch(ours, path, {"heartbeat_interval_s": None})

    assert answer.json()["heartbeat_interval_s"] is None
    assert answer.json()["boot_retry_interval_s"] == 30


def test_an_interval_of_a_week_is_refused(ours, station):
    answer = patch(
        ours, own(station, "registration"), {"heartbeat_interval_s": 604_800}
    )

    assert answer.status_code == 400
    with pytest.raises(boots.UnableToSetIntervals):
        boots.set_intervals(
            charge_point_id=station.id,
            heartbeat_s=0,
            boot_retry_s=None,
            by="t",
            at=NOON,
        )


def test_reading_is_not_changing(as_role, station):
    reader = system_of(as_role, "one", "charge_points:read")

    assert reader.get(own(station, "registration")).status_code == 200
    answer = patch(reader, own(station, "registration"), {"registration": "rejected"})
    assert answer.status_code == 403
    assert reader.post(own(station, "meter-keys"), {}, key="k").status_code == 403


@pytest.mark.parametrize(
    ("version", "asked"),
    [
        ("1.6", ["TriggerMessage", "GetConfiguration"]),
        ("2.0.1", ["TriggerMessage", "GetBaseReport"]),
        ("", []),
    ],
)
def test_a_station_that_waited_is_asked_to_boot_and_what_it_can_do(
    ours, station, version, asked
):
    rows = ChargePoint.objects.filter(pk=station.id)
    rows.update(registration="pending", ocpp_version=version)
    for _ in range(2):
        patch(ours, own(station, "registration"), {"registration": "accepted"})

    found = Command.objects.order_by("id")
    assert [row.action for row in found] == asked
    if asked:
        assert found[1].scheduled_at - found[0].scheduled_at >= timedelta(seconds=30)


def test_a_rejected_station_is_sent_no_trigger_before_it_boots(ours, station):
    rows = ChargePoint.objects.filter(pk=station.id)
    rows.update(registration="rejected", ocpp_version="1.6")
    patch(ours, own(station, "registration"), {"registration": "accepted"})

    assert [row.action for row in Command.objects.all()] == ["GetConfiguration"]


def test_intervals_are_saved_on_the_stations_page(web, station):
    address = reverse("admin:charge_points_chargepoint_intervals", args=[station.id])
    web.post(address, {"heartbeat_s": "120", "boot_retry_s": ""})
    refused = web.post(address, {"heartbeat_s": "0", "boot_retry_s": "x"}, follow=True)

    row = ChargePoint.objects.get(pk=station.id)
    assert (row.heartbeat_interval_s, row.boot_retry_interval_s) == (120, None)
    assert b"at most a day" in refused.content
    assert b'value="120"' in refused.content


def test_a_viewer_changes_no_interval(client, station, as_role):
    client.force_login(make_staff("v@example.org", station.operator_id, "viewer"))
    address = reverse("admin:charge_points_chargepoint_intervals", args=[station.id])
    with as_role("app"):
        assert client.post(address, {"heartbeat_s": "9"}).status_code == 403


def test_meter_keys_are_registered_listed_and_removed_by_rest(ours, station):
    path = own(station, "meter-keys")
    added = ours.post(path, {"public_key": KEBA_KEY, "evse": 1}, key="k1")

    assert added.status_code == 201, added.content
    (row,) = ours.rows(path)
    assert (row["evse"], row["curve"], row["source"]) == (1, "secp256r1", "staff")
    assert row["public_key_der"] == KEBA_KEY.lower()
    assert ours.delete(f"{path}/{row['id']}").status_code == 204
    assert ours.rows(path) == []
    answer = ours.delete(f"{path}/{row['id']}")
    assert problem_of(answer) == (404, "unknown_meter_key")


def test_a_text_that_is_no_key_is_a_problem(ours, station):
    answer = ours.post(own(station, "meter-keys"), {"public_key": "x"}, key="k1")

    assert problem_of(answer) == (422, "meter_key_invalid")


def test_another_operators_keys_are_not_there(ours, as_role, station):
    make_operator("two")
    foreign = make_station("CP-2", "two")

    assert ours.get(own(foreign, "meter-keys")).status_code == 404
    assert ours.get(own(foreign, "conformance")).status_code == 404
    assert patch(ours, own(foreign, "registration"), {}).status_code == 404


def test_a_technician_registers_and_forgets_a_key_on_the_page(web, station):
    add = reverse("admin:charge_points_meterkey_add")
    fields = {"charge_point": station.id, "evse_number": 0}
    refused = web.post(add, {**fields, "public_key": "x"})
    web.post(add, {**fields, "public_key": KEBA_KEY})

    assert b"no public key of a meter" in refused.content
    row = MeterKey.objects.get()
    assert (row.charge_point_id, row.added_by) == (station.id, "t@example.org")
    listed = web.get(reverse("admin:charge_points_meterkey_changelist"))
    assert row.fingerprint.encode() in listed.content
    web.post(
        reverse("admin:charge_points_meterkey_changelist"),
        {"action": "forget", "_selected_action": [row.pk]},
    )
    assert not MeterKey.objects.exists()


def test_another_operators_station_is_not_offered(client, station, as_role):
    make_operator("two")
    foreign = make_station("CP-2", "two")
    client.force_login(make_staff("t@example.org", station.operator_id, "technician"))
    add = reverse("admin:charge_points_meterkey_add")
    fields = {"charge_point": foreign.id, "evse_number": 0, "public_key": KEBA_KEY}

    with as_role("app"):
        assert client.post(add, fields).status_code == 200
    assert not MeterKey.objects.exists()


def test_signed_values_are_shown_with_their_result(ours, client, station, as_role):
    client.force_login(make_staff("t@example.org", station.operator_id, "technician"))
    set_version(station, "1.6")
    ours.post(own(station, "meter-keys"), {"public_key": public()}, key="k1")
    begun = station.start("NOBODY", NOON)
    row = Transaction.objects.get(pk=begun.transaction_id)
    texts = [signed(reading(0)), "0102"]
    values = [
        {
            "data": text,
            "signing_method": "",
            "encoding_method": "",
            "public_key": "",
            "context": "Transaction.Begin",
        }
        for text in texts
    ]
    Transaction.objects.filter(pk=row.pk).update(signed_values=values)
    running = ours.rows(TRANSACTIONS)[0]["signed_values"]
    station.stop(begun.ocpp_id, NOON + timedelta(hours=1), 1000)

    (shown,) = ours.rows(TRANSACTIONS)
    with as_role("app"):
        address = reverse("admin:charge_points_transaction_change", args=[row.pk])
        page = client.get(address)

    assert [one["verdict"] for one in running] == ["", ""]
    assert shown["signature_status"] == "not_understood"
    assert [one["verdict"] for one in shown["signed_values"]] == [
        "verified",
        "not_understood",
    ]
    assert [one["data"] for one in shown["signed_values"]] == texts
    assert b"not understood" in page.content
    assert b"registered" in page.content


def test_the_conformance_report_is_told_by_rest(ours, station):
    rows = [
        QuirkRow(station.id, station.operator_id, "1.6", name, NOON, "text", 3)
        for name in ("null_payload", "stop_without_start")
    ]
    quirks.count_many(rows)

    found = {row["quirk"]: row for row in ours.rows(own(station, "conformance"))}
    assert found["null_payload"]["count"] == 3
    assert all(row["description"] for row in found.values())
    assert found["null_payload"]["example"] == "text"
