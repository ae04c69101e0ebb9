"""The driver's REST, as the web's database role: shapes, codes, own rows only."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import Order
from charge_points.models import IdToken
from cpms.accounts.models import Driver, Vehicle
from settlement.models import PayeeAccount, Payment, PaymentAttempt
from settlement.services import method_pages
from simulators.vehicle.keys import VehicleKey
from tests.factories import accounts, money, network, tariffs
from tests.integration.billing.world import API, MINUTE, api, fresh, payment_of
from tests.integration.settlement.test_checkouts import browse
from tests.outbox import drain

DRIVER = f"{API}/driver"


@pytest.fixture
def web(as_role):
    """Requests as the web makes them: under row level security."""

    def call(method, path, body=None, headers=None, **query):
        client = api(headers)
        with as_role("app"):
            if body is None and method in {"get", "delete"}:
                return getattr(client, method)(path, query_params=query)
            return getattr(client, method)(
                path, body or {}, content_type="application/json"
            )

    return call


@pytest.fixture
def mine(web, world):
    """Requests of the world's driver."""

    def call(method, path, body=None, **query):
        return web(method, f"{DRIVER}{path}", body, world.person.headers, **query)

    return call


def code_of(answer):
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:cpms:problem:{body['code']}"
    return body["code"]


def look_at_method_pages():
    """As the worker does when a driver came back without telling."""
    now = timezone.now()
    for page_id in method_pages.to_look_at(at=now + timedelta(hours=1)):
        method_pages.look(page_id=page_id, at=now)


# -- accounts --------------------------------------------------------------------


def test_a_driver_signs_up_logs_in_and_out(db, web):
    body = {"email": "New@Example.org", "password": accounts.PASSWORD}
    signed = web("post", f"{DRIVER}/sign-up", {**body, "locale": "de"})
    assert signed.status_code == 201
    assert set(signed.json()) == {"driver_id", "token", "expires_at"}
    assert Driver.objects.get().locale == "de"
    logged = web("post", f"{DRIVER}/token", body, {"Authorization": "Bearer stale"})
    assert logged.status_code == 200
    headers = {"Authorization": f"Bearer {logged.json()['token']}"}
    assert web("get", f"{DRIVER}/me", headers=headers).json() == {
        "driver_id": signed.json()["driver_id"],
        "email": "new@example.org",
        "locale": "de",
        "cap_minor": None,
        "day_cap_minor": None,
        "month_cap_minor": None,
        "cap_currency": "",
        "obstacle": {
            "code": "no_payment_method",
            "message": "The account has no payment method, or the last one was "
            "declined. Add one with POST /api/v1/driver/payment-methods.",
            "pay_url": None,
        },
    }
    assert web("delete", f"{DRIVER}/token", headers=headers).status_code == 204
    assert web("get", f"{DRIVER}/me", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"email": "x", "password": "y"}, 400, "validation_failed"),
        ({"email": "a@b.org", "password": "short"}, 409, "weak_password"),
        ({"email": "taken@b.org", "password": accounts.PASSWORD}, 409, "email_taken"),
    ],
)
def test_a_bad_sign_up_says_what_is_wrong(db, web, body, status, code):
    accounts.driver("taken@b.org")
    answer = web("post", f"{DRIVER}/sign-up", body)
    assert (answer.status_code, code_of(answer)) == (status, code)


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(db, web):
    accounts.driver("known@b.org")
    answers = [
        web("post", f"{DRIVER}/token", {"email": email, "password": "wrong"})
        for email in ("known@b.org", "unknown@b.org")
    ]
    assert [a.status_code for a in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()


def test_a_spending_cap_needs_a_currency_and_limits_the_hold(world, mine):
    answer = mine("patch", "/me", {"cap_minor": 700})
    assert (answer.status_code, code_of(answer)) == (400, "validation_failed")
    answer = mine("patch", "/me", {"cap_minor": 700, "cap_currency": "EUR"})
    assert answer.json()["cap_minor"] == 700
    assert mine("get", "/price", connector=world.station.codes[0]).json()[
        "hold_minor"
    ] == (700)
    assert mine("patch", "/me", {"cap_minor": None}).json()["cap_minor"] is None


def test_vehicles_are_enrolled_listed_and_revoked(world, mine):
    key = VehicleKey.generate()
    answer = mine("post", "/vehicles", {"label": "mine", "csr_pem": key.csr_pem("x")})
    assert answer.status_code == 201
    body = answer.json()
    assert body["fingerprint"] == key.fingerprint
    assert body["status"] == "active"
    assert "BEGIN CERTIFICATE" in body["certificate_pem"]
    assert [row["id"] for row in mine("get", "/vehicles").json()] == [body["id"]]
    assert mine("delete", f"/vehicles/{body['id']}").status_code == 204
    assert Vehicle.objects.get().status == "revoked"


def test_a_strangers_vehicle_cannot_be_seen_or_revoked(world, mine):
    stranger = accounts.vehicle(accounts.driver())
    assert mine("get", "/vehicles").json() == []
    answer = mine("delete", f"/vehicles/{stranger.row.pk}")
    assert (answer.status_code, code_of(answer)) == (404, "unknown_vehicle")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"label": "x"}, 422, "vehicle_key_missing"),
        ({"label": "x", "public_key_pem": "?"}, 422, "vehicle_key_invalid"),
        ({"label": "x", "csr_pem": "?"}, 422, "csr_invalid"),
        ({}, 400, "validation_failed"),
    ],
)
def test_a_bad_enrolment_says_what_is_wrong(world, mine, body, status, code):
    answer = mine("post", "/vehicles", body)
    assert (answer.status_code, code_of(answer)) == (status, code)


@pytest.mark.parametrize("path", ["/payment-methods", "/payment-methods/pages"])
def test_without_the_providers_key_a_driver_is_told_what_to_do(
    world, mine, settings, path
):
    stripe = {**settings.PAYMENT_PROVIDERS["stripe"], "api_key": ""}
    settings.PAYMENT_PROVIDERS = {"stripe": stripe}
    answer = mine("post", path, {"payment_method": "pm_card_visa"})
    assert (answer.status_code, code_of(answer)) == (503, "provider_not_configured")
    assert "STRIPE_API_KEY" in answer.json()["detail"]


def test_a_start_waits_for_the_providers_key_and_is_then_held(world, mine, settings):
    complete = settings.PAYMENT_PROVIDERS
    settings.PAYMENT_PROVIDERS = {"stripe": {**complete["stripe"], "api_key": ""}}
    body = {"charge_point": world.station.identity}
    number = mine("post", "/orders", body).json()["order"]
    drain()
    assert Order.objects.get().payment_state == "AUTHORIZING"
    settings.PAYMENT_PROVIDERS = complete
    PaymentAttempt.objects.update(next_try_at=timezone.now())
    drain()
    assert Order.objects.get(number=number).payment_state == "AUTHORIZED"


def test_a_page_of_the_provider_saves_a_card(world, mine):
    answer = mine("post", "/payment-methods/pages")
    assert answer.status_code == 201
    assert browse(answer.json()["url"], card_number="5555555555554444")[0] == 303
    look_at_method_pages()
    assert mine("get", "/payment-methods").json()[0]["last4"] == "4444"


def test_a_page_for_an_operator_with_a_key_of_its_own_saves_a_card_there(
    world, mine, psp
):
    operator = accounts.operator()
    account = money.own_key_account(psp, operator)
    tariffs.tariff(operator)
    station = network.station(operator)
    body = {"charge_point": station.identity}
    refused = mine("post", "/orders", body)
    assert code_of(refused) == "no_payment_method_here"
    named = {"operator": refused.json()["operator"]}
    page = mine("post", "/payment-methods/pages", named).json()
    assert browse(page["url"], card_number="4242424242424242")[0] == 303
    look_at_method_pages()
    assert mine("post", "/orders", body).status_code == 201
    drain()
    payment = Payment.objects.get()
    assert (payment.state, payment.account_reference) == (
        "AUTHORIZED",
        account.reference,
    )


def test_a_page_for_nobody_is_refused(mine):
    answer = mine("post", "/payment-methods/pages", {"operator": "nobody"})
    assert (answer.status_code, code_of(answer)) == (404, "unknown_operator")


def test_payment_methods_are_saved_and_the_newest_is_the_default(world, mine):
    body = {"provider": "stripe", "payment_method": "pm_card_mastercard"}
    answer = mine("post", "/payment-methods", body)
    assert answer.status_code == 201
    assert answer.json()["brand"] == "mastercard"
    assert answer.json()["default"] is True
    listed = mine("get", "/payment-methods").json()
    assert [(row["brand"], row["default"]) for row in listed] == [
        ("mastercard", True),
        ("visa", False),
    ]


def test_a_payment_method_is_chosen_and_removed(world, mine):
    body = {"payment_method": "pm_card_mastercard"}
    newest = mine("post", "/payment-methods", body).json()
    (_, oldest) = mine("get", "/payment-methods").json()
    chosen = mine("post", f"/payment-methods/{oldest['id']}/default").json()
    assert [row["id"] for row in chosen if row["default"]] == [oldest["id"]]
    assert mine("post", "/payment-methods/0/default").status_code == 404
    text = network.token(driver=world.driver)
    for each, can_pay in ((oldest, True), (newest, False)):
        gone = mine("delete", f"/payment-methods/{each['id']}")
        assert gone.status_code == 204
        assert Driver.objects.get().can_pay is can_pay
    assert mine("get", "/payment-methods").json() == []
    state = IdToken.objects.get(token=text).account_state
    assert state == "blocked"


def test_a_strangers_payment_method_is_out_of_reach(world, web, mine):
    (method,) = mine("get", "/payment-methods").json()
    headers = accounts.driver().headers
    path = f"{DRIVER}/payment-methods/{method['id']}"
    assert web("post", f"{path}/default", headers=headers).status_code == 404
    web("delete", path, headers=headers)
    assert mine("get", "/payment-methods").json() == [method]


def test_a_refused_payment_method_says_why(world, mine):
    body = {"payment_method": "pm_card_chargeDeclined"}
    answer = mine("post", "/payment-methods", body)
    assert answer.status_code == 402
    assert "refused" in answer.json()["detail"]


def test_nothing_of_an_account_is_shown_without_its_token(world, web):
    for path in ("/me", "/vehicles", "/payment-methods", "/orders", "/receipts"):
        answer = web("get", f"{DRIVER}{path}")
        assert (answer.status_code, code_of(answer)) == (401, "not_authenticated")


def test_an_operators_key_is_no_driver(world, web):
    key = accounts.api_key(world.operator)
    for path in ("/me", "/orders"):
        assert web("get", f"{DRIVER}{path}", headers=key).status_code in {401, 403}


# -- price -----------------------------------------------------------------------


def test_the_price_is_public_before_the_start(world, web):
    answer = web("get", f"{DRIVER}/price", connector=world.station.codes[0])
    assert answer.status_code == 200
    assert answer.json() == {
        **answer.json(),
        "operator": world.operator.name,
        "charge_point": world.station.identity,
        "evse": 1,
        "connector": 1,
        "currency": "EUR",
        "hold_minor": 5000,
        "energy_limit_wh": 84042,
        "tariff_text": "Energy: 0.595 EUR per kWh. Prices include taxes.",
    }
    assert "the whole operator" in answer.json()["tariff_reason"]


def test_the_price_is_told_in_numbers_and_in_words(world, web):
    code = world.station.connector().code
    body = web("get", f"{DRIVER}/price", connector=code, language="de").json()
    assert body["price_lines"] == [
        {
            "dimension": "ENERGY",
            "price": "0.5",
            "unit": "kWh",
            "vat_percent": "19",
            "conditional": False,
        }
    ]
    assert all(sentence.endswith(".") for sentence in body["price_words"])


def test_the_history_is_filtered(world, mine):
    order = world.closed()
    other = world.claim(world.station.certificate(evse=2))
    wanted = [
        ({"state": "CLOSED"}, [order.number]),
        ({"state": "CREATED"}, [other.number]),
        ({"charge_point": "NONE"}, []),
        ({"created_before": order.created_at.isoformat()}, []),
        (
            {"created_from": order.created_at.isoformat()},
            [other.number, order.number],
        ),
    ]
    for query, numbers in wanted:
        found = mine("get", "/orders", **query).json()["results"]
        assert [row["order"] for row in found] == numbers
    assert mine("get", "/orders", state="NONSENSE").status_code == 400


def test_the_price_can_be_asked_with_a_certificate(world, web):
    issued = world.station.certificate(evse=2)
    answer = web("get", f"{DRIVER}/price", certificate=issued.code)
    assert answer.json()["evse"] == 2


def test_a_free_place_says_so(world, web):
    tariffs.tariff(world.operator, tariffs.component(price="0"), code="FREE")
    body = web("get", f"{DRIVER}/price", connector=world.station.codes[0]).json()
    assert (body["hold_minor"], body["energy_limit_wh"]) == (0, None)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 400, "connector_missing"),
        ({"connector": "A", "certificate": "B"}, 400, "connector_missing"),
        ({"connector": "NOPE"}, 404, "unknown_connector"),
        ({"certificate": "NOPE"}, 404, "certificate_invalid"),
    ],
)
def test_a_price_of_nothing_is_refused(world, web, query, status, code):
    answer = web("get", f"{DRIVER}/price", **query)
    assert (answer.status_code, code_of(answer)) == (status, code)


def test_keys_of_certificates_are_public(world, web):
    world.station.certificate()
    answer = web("get", "/.well-known/jwks.json")
    assert answer.status_code == 200
    assert [key["kty"] for key in answer.json()["keys"]] == ["EC"]
    assert "max-age" in answer["Cache-Control"]


# -- orders ----------------------------------------------------------------------


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
