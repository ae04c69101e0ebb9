"""The order's story, and the lists of orders, CDRs, receipts and tariffs."""

import json
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import Cdr, Order, Receipt, Tariff, TariffAssignment
from billing.services.story import story_of
from cpms.accounts.models import AuditEntry, Membership, User
from tests.integration.billing.world import fresh, make_world

SECTIONS = ["What happened", "Measured", "Price", "Split", "Ledger", "Receipt"]
LISTS = ["order", "cdr", "receipt", "tariff", "tariffassignment"]
MODELS = dict(zip(LISTS, [Order, Cdr, Receipt, Tariff, TariffAssignment], strict=True))


def at(name, *keys):
    return reverse(f"admin:billing_{name}", args=keys)


def staff(operator=None, role="owner", **fields):
    user = User.objects.create_user(
        f"{role}{operator and operator.pk}@example.org", is_staff=True, **fields
    )
    if operator is not None:
        Membership.objects.create(user=user, operator=operator, role=role)
    return user


@contextmanager
def serving():
    """Work as the web does: behind row level security."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE cpms_app")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE cpms_system")


def get(client, url, **query):
    with serving():
        return client.get(url, query)


def shown(client, order):
    answer = get(client, at("order_change", order.pk))
    assert answer.status_code == 200
    return answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture
def web(client, world):
    client.force_login(staff(world.operator))
    return client


def test_the_whole_story_is_on_one_page(web, world):
    order = world.closed(energy_wh=10_000)
    page = shown(web, order)
    for part in (
        order.number,
        order.certificate_jti,
        "5.95 EUR",  # amount and capture
        "0.30 EUR",  # the platform's fee
        "10.000 kWh",
        "plot-left-area",
        "ENERGY",
        "0.95 EUR",  # tax
        "platform",
        "session_revenue",
        world.account.reference,
        "No. 1",
    ):
        assert part in page, part
    order_of_parts = [
        page.index(f"<h2>{title}</h2>")
        for title in (
            "What happened",
            "Measured",
            "Price",
            "Split",
            "Ledger",
            "Receipt",
        )
    ]
    assert order_of_parts == sorted(order_of_parts)


def test_every_move_stands_in_the_story_with_its_cause(world):
    order = world.closed()
    steps = story_of(order).steps
    assert [step.to_state for step in steps if not step.is_payment] == [
        "CREATED",
        "STARTING",
        "CHARGING",
        "FINISHED",
        "RATED",
        "CLOSED",
    ]
    assert [step.to_state for step in steps if step.is_payment] == [
        "AUTHORIZING",
        "AUTHORIZED",
        "CAPTURING",
        "CAPTURED",
    ]
    assert all(step.cause and step.actor for step in steps)


def test_shares_and_entries_add_up(world):
    story = story_of(world.closed())
    assert sum(share.line.amount_minor for share in story.shares) == 595
    assert sum(share.percent for share in story.shares) == 100
    assert all(entry.is_balanced for entry in story.entries)
    assert {entry.is_platforms for entry in story.entries} == {True, False}


def test_an_operator_does_not_see_the_platforms_book(web, world):
    page = shown(web, world.closed())
    assert "payment.capture" in page
    assert "platform.application_fee" not in page


def test_platform_staff_sees_both_books(client, world):
    client.force_login(staff(is_superuser=True))
    page = shown(client, world.closed())
    assert "platform.application_fee" in page


def test_a_story_that_has_only_begun_has_no_price_and_no_receipt(web, world):
    page = shown(web, world.claimed())
    assert "Written when the order is closed" in page
    assert "<h2>Price</h2>" not in page
    assert "<h2>Measured</h2>" not in page


def test_a_running_charge_shows_what_was_measured_so_far(web, world):
    order, _ = world.charging()
    page = shown(web, fresh(order))
    assert "<h2>Measured</h2>" in page


def test_a_declined_card_is_told(web, world):
    world.card("insufficient_funds")
    order = world.claimed()
    page = shown(web, order)
    assert order.failure_reason
    assert "insufficient" in page.lower()


def test_a_tariff_that_todays_engine_cannot_read_does_not_hide_the_story(web, world):
    order = world.closed()
    Order.objects.filter(pk=order.pk).update(tariff={"id": "old"})
    assert "tariff" in story_of(fresh(order)).tariff_text
    assert order.number in shown(web, order)


def test_what_people_write_is_escaped(web, world):
    order = world.closed()
    Order.objects.filter(pk=order.pk).update(review_reason="<script>x</script>")
    assert "<script>x" not in shown(web, order)


def test_an_order_is_found_by_its_number(web, world):
    order = world.claimed()
    url = reverse("admin:order_by_number", args=[order.number.lower()])
    answer = get(web, url)
    assert answer["Location"] == at("order_change", order.pk)
    missing = reverse("admin:order_by_number", args=["0" * 20])
    assert get(web, missing).status_code == 404


@pytest.fixture
def foreign(world, psp):
    """Another operator with a closed order."""
    return make_world(psp)


def test_a_foreign_order_does_not_exist(web, foreign):
    order = foreign.closed()
    assert get(web, at("order_change", order.pk))["Location"] == "/admin/"
    by_number = reverse("admin:order_by_number", args=[order.number])
    assert get(web, by_number).status_code == 404


@pytest.mark.parametrize("name", LISTS)
def test_lists_show_the_users_own_rows_only(web, world, foreign, name):
    world.closed()
    foreign.closed()
    found = get(web, at(f"{name}_changelist")).context["cl"].result_list
    assert {row.operator_id for row in found} == {world.operator.pk}
    without_the_second_wall = web.get(at(f"{name}_changelist"))
    rows = without_the_second_wall.context["cl"].result_list
    assert {row.operator_id for row in rows} == {world.operator.pk}


@pytest.mark.parametrize("name", ["cdr", "receipt"])
def test_records_show_what_they_are(web, world, name):
    order = world.closed()
    row = MODELS[name].objects.get(order=order)
    page = get(web, at(f"{name}_change", row.pk)).content.decode()
    assert order.number in page
    assert "5.95" in page


@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_as_many_statements_for_many_rows_as_for_few(web, world, name):
    world.closed()
    url = at(f"{name}_changelist")
    get(web, url)
    with CaptureQueriesContext(connection) as few:
        get(web, url)
    for _ in range(3):
        world.closed()
    with CaptureQueriesContext(connection) as many:
        get(web, url)
    assert len(many) == len(few)


def test_nobody_writes_an_order_from_the_admin(web, world):
    order = world.closed()
    with serving():
        assert web.post(at("order_change", order.pk), {}).status_code == 403
        assert web.get(at("order_add")).status_code == 403
        assert web.post(at("order_delete", order.pk)).status_code in {403, 404}


# The first page


def first_page(client):
    answer = get(client, reverse("admin:index"))
    assert answer.status_code == 200
    return answer


def figures(answer):
    return {
        figure.title: figure.value.replace("\N{NO-BREAK SPACE}", " ")
        for _name, panel in answer.context["panels"]
        for figure in panel.figures
    }


def test_the_first_page_shows_the_users_own_figures(web, world, foreign):
    foreign.closed()
    assert figures(first_page(web))["energy in 7 days"] == "0.0 kWh"
    world.closed()
    world.charging()
    answer = first_page(web)
    found = figures(answer)
    assert found["orders running"] == "1"
    assert found["revenue in 7 days"] == "5.95 EUR"
    assert found["energy in 7 days"] == "10.0 kWh"
    assert found["charging now"] == "1"
    assert found["payee accounts"] == "1"
    assert "plot-right" in answer.content.decode()


def test_work_that_waits_is_on_the_first_page(web, world):
    order = world.closed()
    Order.objects.filter(pk=order.pk).update(state="REVIEW", review_reason="odd")
    world.station.status("faulted", evse=2)
    page = first_page(web).content.decode()
    assert f"Order {order.number}" in page
    assert "is faulted" in page


def test_the_first_page_of_somebody_without_operator_says_so(client, db):
    client.force_login(staff())
    assert "member of no operator" in first_page(client).content.decode()


def test_platform_staff_sees_all_operators_figures(client, world, foreign):
    world.closed()
    foreign.closed()
    client.force_login(staff(is_superuser=True))
    assert figures(first_page(client))["revenue in 7 days"] == "11.90 EUR"


def test_the_sidebar_names_what_the_user_may_see(web, client, world):
    groups = {
        str(group.get("title", "")): [str(item["title"]) for item in group["items"]]
        for group in first_page(web).context["sidebar_navigation"]
    }
    assert list(groups) == [
        "",
        "Network",
        "Charging",
        "Money",
        "Platform",
    ]
    assert "Users" not in groups["Platform"]
    client.force_login(staff(is_superuser=True))
    groups = {
        str(group.get("title", "")): [str(item["title"]) for item in group["items"]]
        for group in first_page(client).context["sidebar_navigation"]
    }
    assert "Users" in groups["Platform"]


# Tariffs

PRICE = {
    "country_code": "DE",
    "party_id": "CPM",
    "id": "new",
    "currency": "EUR",
    "elements": [
        {"price_components": [{"type": "ENERGY", "price": 0.5, "step_size": 1}]}
    ],
    "last_updated": "2026-01-01T00:00:00Z",
}


def test_finance_makes_a_tariff(client, world):
    client.force_login(staff(world.operator, "finance"))
    form = {"operator": world.operator.pk, "name": "New", "ocpi": json.dumps(PRICE)}
    with serving():
        client.post(at("tariff_add"), form)
    assert Tariff.objects.get(code="new").operator_id == world.operator.pk
    assert AuditEntry.objects.filter(action__startswith="tariff").exists()


@pytest.mark.parametrize("role", ["viewer", "technician"])
def test_others_make_none(client, world, role):
    client.force_login(staff(world.operator, role))
    assert get(client, at("tariff_add")).status_code == 403
