"""The page of a charge: its stages, live values, stop and receipt."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import Order
from billing.services import guests, pay_links
from cpms.web.limits import MISSES_MAX
from tests.factories import network
from tests.integration.billing.world import fresh
from tests.outbox import drain


def text(response):
    return response.content.decode()


def page_of(order):
    return f"/live/{guests.live_token(order.number)}"


def told(client, order):
    body = text(client.get(page_of(order) + "/events"))
    head, data = body.strip().split("\n")
    assert head.startswith("retry: ")
    return json.loads(data.removeprefix("data: "))


def test_a_guest_waits_for_the_payment_page_and_is_led_there_once(
    client, plugged, label
):
    there = client.post(f"/q/{label}/start", {"guest": "1"})["Location"]
    assert "Preparing the payment" in text(client.get(there))
    drain()
    away = client.get(there)
    assert away.status_code == 302
    assert "/hosted/checkout/" in away["Location"]
    back = text(client.get(there))
    assert "Waiting for your payment" in back
    assert away["Location"].partition("?")[0] in back


def test_the_running_charge_is_found_again_from_any_page(client, plugged, label):
    there = client.post(f"/q/{label}/start", {"guest": "1"})["Location"]
    assert f'href="{there}"' in text(client.get("/"))


def test_live_values_come_as_events_with_the_plot(client, world):
    order = world.claimed()
    charge = world.station.start(order.number, timezone.now() - timedelta(minutes=9))
    drain()
    for minute in range(1, 9):
        at = charge.started_at + timedelta(minutes=minute)
        charge.meter(minute * 300, at, power_w=18_000)
    seen = told(client, order)
    assert seen["values"]["energy"] == "2.40"
    assert seen["values"]["cost"] == "€1.43"
    assert seen["values"]["power"] == "18.0"
    assert seen["plot"].startswith("<svg")
    page = text(client.get(page_of(order)))
    assert f'data-mark="{seen["mark"]}"' in page
    assert "Stop charging" in page


def test_a_silent_station_is_told(client, world):
    order = world.claimed()
    charge = world.station.start(order.number, timezone.now() - timedelta(minutes=30))
    drain()
    charge.meter(100, charge.started_at + timedelta(minutes=1), power_w=6000)
    assert "has not told anything" in told(client, order)["values"]["stale"]


def test_stop_asks_the_station_and_a_second_one_is_no_error(client, world):
    order, charge = world.charging()
    assert client.post(page_of(order) + "/stop").status_code == 302
    world.finish(charge)
    assert client.post(page_of(order) + "/stop").status_code == 302


def test_stop_before_the_begin_cancels(client, world):
    order = world.claimed()
    client.post(page_of(order) + "/stop")
    drain()
    assert fresh(order).state == "CANCELLED"
    page = text(client.get(page_of(order)))
    assert "Cancelled before the start" in page
    assert world.station.connector().code in page


def test_stop_needs_the_token_of_the_form(world):
    from django.test import Client  # noqa: PLC0415

    order = world.claimed()
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(page_of(order) + "/stop").status_code == 403
    assert fresh(order).state != "CANCELLED"


def test_a_declined_payment_says_so(client, world):
    world.card("insufficient_funds")
    order = world.claimed()
    assert "The payment was declined" in text(client.get(page_of(order)))


def test_the_receipt_shows_lines_taxes_and_total(client, world):
    order = world.closed()
    page = text(client.get(page_of(order).replace("live", "receipt")))
    for part in ("€5.95", "including 19 % tax", "€0.95", "10.00 kWh"):
        assert part in page


def test_without_a_receipt_its_page_leads_back_to_the_charge(client, world):
    order, _ = world.charging()
    assert client.get(page_of(order).replace("live", "receipt"))["Location"] == page_of(
        order
    )


@pytest.mark.parametrize("path", ["/live/x", "/receipt/x", "/pay/x"])
def test_guessed_addresses_get_one_answer_and_then_none(client, db, path):
    assert client.get(path).status_code == 404
    for _ in range(MISSES_MAX["code"]):
        client.get(path)
    assert client.get(path).status_code == 429


def test_events_of_no_charge_end_the_asking(client, db):
    assert client.get("/live/x/events").status_code == 204
    assert client.post("/live/x/stop").status_code == 404


def test_a_debt_is_shown_and_its_payment_opens_the_providers_page(client, world):
    charge = world.station.start(network.token(operator=world.operator))
    drain()
    world.finish(charge)
    order = Order.objects.get()
    path = "/pay/" + pay_links.url_of(order.number).rpartition("/")[2]
    assert "€5.95" in text(client.get(path))
    waiting = client.post(path)["Location"]
    assert "Preparing the payment" in text(client.get(waiting))
    drain()
    assert "/hosted/checkout/" in client.get(waiting)["Location"]
    assert "not paid yet" in text(client.get(page_of(order)))


def test_a_paid_charge_owes_nothing(client, world):
    order = world.closed()
    path = "/pay/" + pay_links.url_of(order.number).rpartition("/")[2]
    assert "Nothing is left to pay" in text(client.get(path))
