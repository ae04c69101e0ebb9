"""The driver's REST, as the web's database role: orders, own rows only."""

from datetime import timedelta

import pytest

from billing.models import Order
from settlement.models import PayeeAccount
from tests.factories import accounts, network, tariffs
from tests.integration.billing.driver_requests import DRIVER, code_of, mine, web
from tests.integration.billing.world import MINUTE, fresh, payment_of
from tests.outbox import drain

__all__ = ["mine", "web"]


def test_a_driver_starts_watches_stops_and_gets_a_receipt(world, mine):
    code = world.station.codes[0]
    answer = mine("post", "/orders", {"connector_code": code})
    assert answer.status_code == 201
    number = answer.json()["order"]
    drain()
    charge = world.station.start(number)
    drain()
    charge.meter(4000, charge.started_at + 10 * MINUTE, power_w=22_000, soc_percent=55)
    live = mine("get", f"/orders/{number}/live").json()
    assert live == {
        **live,
        "order": number,
        "state": "CHARGING",
        "energy_wh": 4000,
        "power_w": 22_000,
        "soc_percent": 55,
        "cost_minor": 238,
        "currency": "EUR",
    }
    stopped = mine("post", f"/orders/{number}/stop")
    assert (stopped.status_code, stopped.json()["state"]) == (202, "CHARGING")
    assert charge.row.stop_requested_at is not None
    answer = mine("get", f"/receipts/{number}")
    assert (answer.status_code, code_of(answer)) == (404, "no_receipt")
    world.finish(charge, 4000, minutes=11)
    assert mine("get", f"/orders/{number}/live").json()["cost_minor"] == 238
    order = mine("get", f"/orders/{number}").json()
    assert order == {
        **order,
        "state": "CLOSED",
        "payment_state": "CAPTURED",
        "started_by": "driver_api",
        "amount_minor": 238,
        "energy_wh": 4000,
        "failure_reason": None,
    }
    assert order["cost"]["amount_minor"] == 238
    assert order["cost"]["before_taxes_minor"] == 200
    receipt = mine("get", f"/receipts/{number}").json()
    assert receipt["number"] == 1
    assert receipt["order"] == number
    assert receipt["amount_minor"] == 238
    assert receipt["meter_begin_wh"] == "1000.000"
    assert [row["order"] for row in mine("get", "/receipts").json()["results"]] == [
        number
    ]


def test_an_order_has_no_cost_before_its_price(world, mine):
    order = world.claimed()
    body = mine("get", f"/orders/{order.number}").json()
    assert (body["cost"], body["amount_minor"]) == (None, None)
    live = mine("get", f"/orders/{order.number}/live").json()
    assert (live["energy_wh"], live["cost_minor"], live["at"]) == (0, 0, None)


def test_the_banks_page_is_shown_while_the_bank_asks(world, mine):
    world.card("authenticate")
    order = world.claimed()
    body = mine("get", f"/orders/{order.number}").json()
    assert (body["payment_state"], body["action_url"]) == (
        "REQUIRES_ACTION",
        order.action_url,
    )
    Order.objects.update(payment_state="AUTHORIZED")
    assert mine("get", f"/orders/{order.number}").json()["action_url"] is None


def test_a_stop_before_the_begin_cancels(world, mine):
    order = world.claimed()
    assert mine("post", f"/orders/{order.number}/stop").json()["state"] == "CANCELLED"
    again = mine("post", f"/orders/{order.number}/stop")
    assert (again.status_code, code_of(again)) == (409, "order_not_running")


def test_a_strangers_order_is_as_unknown_as_no_order(world, web):
    order = world.closed()
    stranger = accounts.driver()
    for number in (order.number, "0" * 20):
        for method, path in (
            ("get", f"/orders/{number}"),
            ("get", f"/orders/{number}/live"),
            ("post", f"/orders/{number}/stop"),
            ("get", f"/receipts/{number}"),
        ):
            answer = web(method, f"{DRIVER}{path}", headers=stranger.headers)
            assert answer.status_code == 404
            assert code_of(answer) in {"unknown_order", "no_receipt"}
    for path in ("/orders", "/receipts"):
        page = web("get", f"{DRIVER}{path}", headers=stranger.headers).json()
        assert page["results"] == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "validation_failed"),
        ({"connector_code": "A", "charge_point": "B"}, 400, "validation_failed"),
        ({"charge_point": "NOPE", "evse": 0}, 400, "validation_failed"),
        ({"charge_point": "NOPE"}, 404, "unknown_connector"),
    ],
)
def test_a_bad_start_says_what_is_wrong(world, mine, body, status, code):
    answer = mine("post", "/orders", body)
    assert (answer.status_code, code_of(answer)) == (status, code)


def test_every_refusal_of_a_start_leaves_nothing_behind(world, mine):
    def refused(body=None):
        body = body or {"charge_point": world.station.identity}
        answer = mine("post", "/orders", body)
        assert not Order.objects.exists()
        return answer.status_code, code_of(answer)

    offline = network.station(world.operator, online=False)
    assert refused({"charge_point": offline.identity}) == (409, "charge_point_offline")
    stranger = network.station(accounts.operator())
    assert refused({"charge_point": stranger.identity}) == (409, "no_tariff")
    PayeeAccount.objects.update(charges_enabled=False)
    assert refused() == (409, "payee_account_blocked")


def test_a_start_without_card_is_refused(world, web):
    poor = accounts.driver()
    answer = web(
        "post",
        f"{DRIVER}/orders",
        {"charge_point": world.station.identity},
        poor.headers,
    )
    assert (answer.status_code, code_of(answer)) == (402, "no_payment_method")


def test_a_repeated_start_with_the_same_key_is_one_order(world, mine, web):
    headers = {**world.person.headers, "Idempotency-Key": "again"}
    body = {"charge_point": world.station.identity}
    first = web("post", f"{DRIVER}/orders", body, headers)
    again = web("post", f"{DRIVER}/orders", body, headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert Order.objects.count() == 1
    other = web("post", f"{DRIVER}/orders", {**body, "evse": 2}, headers)
    assert (other.status_code, code_of(other)) == (422, "idempotency_key_reused")


def test_lists_come_in_pages_newest_first(world, mine):
    for _ in range(3):
        world.closed()
    page = mine("get", "/orders", page_size=2).json()
    numbers = [row["order"] for row in page["results"]]
    known = list(Order.objects.order_by("-pk").values_list("number", flat=True))
    assert numbers == known[:2]
    rest = mine("get", page["next"].split("/driver", 1)[1]).json()
    assert [row["order"] for row in rest["results"]] == known[2:]


def test_the_live_price_of_a_running_charge_is_the_final_one(world, mine):
    tariffs.tariff(
        world.operator,
        tariffs.component(step=1000),
        tariffs.component("TIME", "1.20", step=300),
        tariffs.component("FLAT", "0.35"),
        code="MIX",
    )
    order, charge = world.charging()
    for minute, energy_wh in ((7, 1500), (13, 3300), (19, 4100)):
        at = charge.started_at + minute * MINUTE
        charge.meter(energy_wh, at)
        live = mine("get", f"/orders/{order.number}/live").json()
        priced = live["cost_minor"]
    charge.stop(4100, charge.started_at + timedelta(minutes=19))
    drain()
    assert fresh(order).amount_minor == priced
    assert payment_of(order).captured_minor == priced


def test_a_wrong_number_in_the_address_is_not_found(world, mine):
    answer = mine("get", "/orders/nope")
    assert (answer.status_code, code_of(answer)) == (404, "unknown_order")
