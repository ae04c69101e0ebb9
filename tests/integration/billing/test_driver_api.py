"""The driver's REST, as the web's database role: accounts, cards and prices."""

import pytest
from django.utils import timezone

from billing.models import Order
from charge_points.models import IdToken
from cpms.accounts.models import Driver, Vehicle
from settlement.models import Payment, PaymentAttempt
from simulators.vehicle.keys import VehicleKey
from tests.factories import accounts, money, network, tariffs
from tests.integration.billing.driver_requests import (
    DRIVER,
    code_of,
    look_at_method_pages,
    mine,
    web,
)
from tests.integration.settlement.test_checkouts import browse
from tests.outbox import drain

__all__ = ["mine", "web"]


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
