"""What the network's pages show."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from charge_points.admin.message_log import PAGE_ROWS
from charge_points.admin.transactions import METER_ROWS
from charge_points.services import metering
from charge_points.services.facts import Sample
from tests.integration.charge_points.admin_world import (
    _no_collected_files,  # noqa: F401 - a fixture
    ask,
    certificate,
    charge_of,
    commands_of,
    fill,
    gateway,
    make_staff,
    note,
    set_version,
    tell_variable,
)
from tests.integration.charge_points.world import NOON, ORDER, allow, later


@pytest.fixture
def web(client, station, as_role):
    client.force_login(make_staff("tech@example.org", station.operator_id))
    with as_role("app"):
        yield client


def page(client, name, *keys, **query):
    answer = client.get(reverse(f"admin:charge_points_{name}", args=keys), query)
    assert answer.status_code == 200
    return answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")


def test_the_page_of_a_charge_point_tells_all_of_it(web, station):
    with gateway():
        fill(station)
        station.tell_status("faulted", evse=2, error_code="GroundFailure")
    shown = page(web, "chargepoint_change", station.id)
    code = station.connector(2).code
    for text in (
        "never connected",
        code,
        "GroundFailure",
        "1.200 kWh",
        "Reset",
        "null_field1",
        "Tamper",
        "1 variable",
    ):
        assert text in shown, text


def test_a_running_charge_stands_beside_its_connector(web, station):
    with gateway():
        allow("tag")
        began = station.start("tag")
        sample = Sample(later(minutes=1), Decimal(1500), Decimal(7400))
        metering.record([station.values(began.ocpp_id, sample)])
    shown = page(web, "chargepoint_change", station.id)
    assert "0.500 kWh" in shown
    assert "7.40 kW" in shown


def test_times_are_those_of_the_site(web, station):
    with gateway():
        fill(station)
    key = charge_of(station)
    shown = page(web, "transaction_change", key)
    assert "2026-05-04 14:00:00" in shown  # noon UTC in Berlin
    assert "Europe/Berlin" in shown


def test_a_transaction_is_drawn_from_its_meter_values(web, station):
    with gateway():
        fill(station)
    key = charge_of(station)
    shown = page(web, "transaction_change", key)
    assert shown.count("<svg") >= 1
    assert "plot-left-area" in shown
    assert "1.200 kWh" in shown
    assert "45 %" in shown


def test_a_transaction_without_values_has_no_plot(web, station):
    with gateway():
        allow("tag")
        station.start("tag")
    key = charge_of(station)
    shown = page(web, "transaction_change", key)
    assert "Too few meter values" in shown
    assert 'http-equiv="refresh"' in shown


def test_meter_values_come_in_pages(web, station):
    with gateway():
        allow("tag")
        began = station.start("tag")
        samples = [
            Sample(NOON + timedelta(seconds=number), Decimal(1000 + number))
            for number in range(1, METER_ROWS + 3)
        ]
        metering.record([station.values(began.ocpp_id, *samples)])
    key = charge_of(station)
    assert "Page 1 of 2" in page(web, "transaction_change", key)
    assert "Page 2 of 2" in page(web, "transaction_change", key, page=2)


def test_a_transaction_links_to_its_order_by_number(web, station):
    with gateway():
        station.ask_start()
        station.start(ORDER)
    key = charge_of(station)
    shown = page(web, "transaction_change", key)
    assert reverse("admin:order_by_number", args=[ORDER]) in shown


def test_20_1_transactions_show_their_events_and_phases(web, station):
    with gateway():
        set_version(station, "2.0.1")
        allow("tag")
        station.tell(0, "Started", id_token="tag", charging_state="Charging")
        station.tell(1, at=later(minutes=3), charging_state="SuspendedEV")
    key = charge_of(station)
    shown = page(web, "transaction_change", key)
    assert "SuspendedEV" in shown
    assert "parking" in shown


def test_messages_are_shown_newest_first_within_a_day(web, station):
    now = timezone.now()
    with gateway():
        note(station, "BootNotification", {"a": 1}, at=now - timedelta(minutes=2))
        note(station, "Heartbeat", {"b": 2}, at=now - timedelta(minutes=1))
        note(station, "OldMessage", {}, at=now - timedelta(hours=25))
    shown = page(web, "chargepoint_messages", station.id)
    assert shown.index("<b>Heartbeat</b>") < shown.index("<b>BootNotification</b>")
    assert "OldMessage" not in shown
    assert "OldMessage" in page(web, "chargepoint_messages", station.id, hours="168")


@pytest.mark.parametrize(
    ("query", "found", "hidden"),
    [
        ({"q": "bootnot"}, "BootNotification", "Heartbeat"),
        ({"q": "needle"}, "Heartbeat", "BootNotification"),
        ({"q": "answered"}, "BootNotification", "Heartbeat"),
        ({"direction": "out"}, "Reset", "Heartbeat"),
        ({"direction": "in"}, "Heartbeat", "Reset"),
    ],
)
def test_messages_are_searched(web, station, query, found, hidden):
    at = timezone.now() - timedelta(minutes=1)
    with gateway():
        note(station, "BootNotification", {}, at=at, answer='{"status": "answered"}')
        note(station, "Heartbeat", {"x": "needle"}, at=at)
        note(station, "Reset", {}, at=at, incoming=False)
    shown = page(web, "chargepoint_messages", station.id, **query)
    assert f"<b>{found}</b>" in shown
    assert f"<b>{hidden}</b>" not in shown


def test_messages_go_on_from_the_last_one_also_within_one_instant(web, station):
    at = timezone.now() - timedelta(minutes=1)
    total = PAGE_ROWS + 7
    with gateway():
        for number in range(total):
            note(station, f"Number{number:03}", {}, at=at)
    first = web.get(
        reverse("admin:charge_points_chargepoint_messages", args=[station.id])
    )
    second = web.get(
        reverse("admin:charge_points_chargepoint_messages", args=[station.id])
        + first.context["next_url"]
    )
    actions = [
        shown.row.action
        for answer in (first, second)
        for shown in answer.context["messages_found"]
    ]
    assert actions == [f"Number{number:03}" for number in reversed(range(total))]
    assert second.context["next_url"] == ""


@pytest.mark.parametrize(
    "query",
    [
        {"after": "x"},
        {"after": "9" * 30 + ".1"},
        {"hours": "9999"},
        {"until": "soon"},
        {"q": "x" * 200},
    ],
)
def test_broken_questions_to_the_message_log_are_no_fault(web, station, query):
    page(web, "chargepoint_messages", station.id, **query)


def test_until_is_the_clock_at_the_site(web, station):
    with gateway():
        note(station, "AtNoon", {}, at=NOON)
        note(station, "Later", {}, at=later(minutes=2))
    shown = page(
        web, "chargepoint_messages", station.id, until="2026-05-04T14:01", hours="1"
    )
    assert "AtNoon" in shown
    assert "Later" not in shown


def test_the_configuration_is_a_table_with_history(web, station):
    with gateway():
        set_version(station, "1.6")
        row = tell_variable(station, "MeterValueSampleInterval", "60")
        tell_variable(station, "Other", "no")
    shown = page(web, "chargepoint_configuration", station.id, q="metervalue")
    assert "MeterValueSampleInterval" in shown
    assert "Other" not in shown
    shown = page(web, "chargepoint_variable", station.id, row.pk)
    assert "GetConfiguration" in shown
    assert "action=ChangeConfiguration" in shown


def test_a_2_0_1_variable_is_changed_in_its_own_words(web, station):
    with gateway():
        set_version(station, "2.0.1")
        row = tell_variable(
            station,
            "Enabled",
            "true",
            component="Connector",
            component_instance="left",
            evse_number=2,
            connector_number=1,
            variable_instance="x",
            attribute="Target",
        )
    url = reverse("admin:charge_points_chargepoint_variable", args=[station.id, row.pk])
    change_url = web.get(url).context["change_url"]
    form = web.get(change_url).context["form"]
    assert '"connectorId": 1' in form.initial["payload"]
    assert '"attributeType": "Target"' in form.initial["payload"]
    assert '"instance": "left"' in form.initial["payload"]


def test_a_variable_that_can_only_be_read_offers_no_change(web, station):
    with gateway():
        set_version(station, "1.6")
        row = tell_variable(station, "NumberOfConnectors", "2", mutability="ReadOnly")
    url = reverse("admin:charge_points_chargepoint_variable", args=[station.id, row.pk])
    assert web.get(url).context["change_url"] == ""
    missing = reverse("admin:charge_points_chargepoint_variable", args=[station.id, 0])
    assert web.get(missing).status_code == 404


def test_a_connector_shows_what_happened_on_it(web, station):
    with gateway():
        fill(station)
        certificate(station, evse=1, state="expired")
        row = station.connector(1)
    shown = page(web, "connector_change", row.pk)
    assert row.code in shown
    assert "1.200 kWh" in shown
    assert "expired" in shown


def test_a_certificate_shows_its_states_and_never_its_idempotency_key(web, station):
    with gateway():
        row = certificate(station, state="claimed", order=ORDER)
        row.idempotency_key = "secret-key-of-the-claim"
        row.save(update_fields=["idempotency_key"])
    shown = page(web, "chargingcertificate_change", row.pk)
    assert row.jti in shown
    assert ORDER in shown
    assert "secret-key-of-the-claim" not in shown


def test_a_waiting_command_shows_no_secret(web, station):
    with gateway():
        ask(
            station,
            "ChangeConfiguration",
            {"key": "AuthorizationKey", "value": "very secret"},
            key="k",
        )
        (row,) = commands_of(station)
    shown = page(web, "command_change", row.pk)
    assert "very secret" not in shown
    assert "AuthorizationKey" in shown
    assert 'http-equiv="refresh"' in shown


@pytest.mark.parametrize(
    "query",
    [
        {"online": "yes"},
        {"online": "no"},
        {"online": "never"},
        {"status": "faulted"},
        {"version": "1.6"},
        {"site": "x"},
        {"registration__exact": "pending"},
        {"q": "CP-1"},
    ],
)
def test_the_list_of_charge_points_filters(stranger, web, query):
    url = reverse("admin:charge_points_chargepoint_changelist")
    found = web.get(url, query).context["cl"].result_list
    expected = 1 if query in ({"online": "never"}, {"q": "CP-1"}) else 0
    assert len(found) == expected


def test_the_list_shows_who_is_online_and_since_when(web, station):
    with gateway():
        row = station.row
        row.connected_at = NOON
        row.vendor, row.model = "ACME", "Fast 22"
        row.save()
    url = reverse("admin:charge_points_chargepoint_changelist")
    shown = page(web, "chargepoint_changelist")
    assert "online since" in shown
    assert "2026-05-04 12:00:00" in shown
    assert "ACME Fast 22" in shown
    with gateway():
        row.disconnected_at = later(hours=1)
        row.save()
    assert "2026-05-04 13:00:00" in page(web, "chargepoint_changelist")
    assert len(web.get(url, {"online": "no"}).context["cl"].result_list) == 1
