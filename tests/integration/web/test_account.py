"""The driver's account: log in, charges, cards, vehicles, settings, data, deletion."""

import re
from urllib.parse import unquote

import pytest

from billing.models import Order
from cpms.accounts.models import Driver, Vehicle
from cpms.web.limits import MISSES_MAX
from settlement.services import methods
from simulators.vehicle.keys import VehicleKey
from tests.factories import accounts, money, network, tariffs
from tests.factories.accounts import PASSWORD
from tests.integration.settlement.test_checkouts import browse
from tests.outbox import drain

LOG_IN = "/account/log-in"


def text(response):
    return response.content.decode()


def log_in(client, person, **values):
    return client.post(
        LOG_IN, {"email": person.driver.email, "password": PASSWORD, **values}
    )


@pytest.fixture
def inside(client, world):
    """The world's driver, logged in."""
    log_in(client, world.person)
    return client


@pytest.mark.parametrize(
    "path", ["", "payment-methods", "vehicles", "settings", "data", "delete"]
)
def test_the_account_asks_to_log_in_and_leads_back(client, db, path):
    there = client.get(f"/account/{path}")["Location"]
    assert there.startswith(LOG_IN)
    assert unquote(there).endswith(f"next=/account/{path}")


def test_logging_in_leads_back_to_our_own_pages_only(client, world):
    assert log_in(client, world.person, next="/q/ABC")["Location"] == "/q/ABC"
    for foreign in ("https://evil.example/", "//evil.example", "javascript:x"):
        assert log_in(client, world.person, next=foreign)["Location"] == "/account/"


def test_wrong_address_and_wrong_password_look_the_same_and_end(client, world):
    seen = set()
    for number in range(MISSES_MAX["log_in"]):
        email = world.driver.email if number % 2 else "nobody@example.org"
        page = client.post(LOG_IN, {"email": email, "password": "wrong"})
        assert page.status_code == 422
        seen.add("The address or the password is not right." in text(page))
    assert seen == {True}
    assert log_in(client, world.person).status_code == 429


def test_signing_up_opens_an_account_in_the_readers_language(client, db):
    client.cookies["django_language"] = "de"
    values = {"email": "new@example.org", "password": PASSWORD}
    assert client.post("/account/sign-up", values)["Location"] == "/account/"
    assert Driver.objects.get().locale == "de"
    assert "Noch keine Ladevorgänge" in text(client.get("/account/"))
    again = client.post("/account/sign-up", values)
    assert again.status_code == 422
    assert "Es gibt" in text(again) or "gibt es schon ein Konto" in text(again)
    weak = client.post(
        "/account/sign-up", {"email": "b@example.org", "password": "123"}
    )
    assert weak.status_code == 422


def test_logging_out_ends_the_session(inside):
    inside.post("/account/log-out")
    assert inside.get("/account/").status_code == 302


def test_staff_without_a_driver_account_is_no_driver(client, db):
    from cpms.accounts.models import User  # noqa: PLC0415

    User.objects.create_superuser("staff@example.org", PASSWORD)
    page = client.post(LOG_IN, {"email": "staff@example.org", "password": PASSWORD})
    assert page.status_code == 422


def test_a_driver_starts_with_the_account(inside, world):
    world.station.status("preparing")
    label = world.station.connector().code
    page = text(inside.get(f"/q/{label}", follow=True))
    assert "Start with my account" in page
    there = inside.post(f"/q/{label}/start", {"hold": "5000"})["Location"]
    order = Order.objects.get()
    assert (order.driver_id, order.hold_minor) == (world.driver.pk, 5000)
    assert there.startswith("/live/")


def test_a_driver_without_a_card_is_told_what_to_do(client, world):
    log_in(client, accounts.driver())
    world.station.status("preparing")
    label = world.station.connector().code
    page = client.post(f"/q/{label}/start", {"hold": "5000"})
    assert page.status_code >= 400
    assert "no usable payment method" in text(page)
    assert not Order.objects.exists()


def test_an_operator_with_a_key_of_its_own_asks_for_a_card_once(inside, world, psp):
    operator = accounts.operator()
    account = money.own_key_account(psp, operator)
    tariffs.tariff(operator)
    station = network.station(operator)
    station.status("preparing")
    label = station.connector().code
    refused = inside.post(f"/q/{label}/start", {"hold": "5000"})
    assert refused.status_code == 302
    page = text(inside.get(refused["Location"]))
    assert "does not know your card yet" in page
    assert f"{operator.name} is paid directly" in page
    away = inside.post("/account/payment-methods/add", {"operator": operator.code})
    assert browse(away.context["url"], card_number="4242424242424242")[0] == 303
    inside.get("/account/payment-methods?saved=1")
    saved = methods.default_for(world.driver.pk, operator_account=account.reference)
    page = text(inside.get("/account/payment-methods"))
    assert f"Only at {operator.name}" in page
    assert f'<option value="{operator.code}">' in page
    everywhere = methods.default_for(world.driver.pk)
    inside.post(f"/account/payment-methods/{saved.id}", {"remove": "1"})
    assert "Only at" not in text(inside.get("/account/payment-methods"))
    assert methods.default_for(world.driver.pk) == everywhere


def test_the_history_leads_to_the_receipt_of_own_charges_only(inside, world):
    world.closed()
    page = text(inside.get("/account/"))
    assert "€5.95" in page
    assert "/receipt/" in page
    inside.post("/account/log-out")
    log_in(inside, accounts.driver())
    assert "€5.95" not in text(inside.get("/account/"))


def test_the_history_says_what_keeps_the_account_out_and_where_to_pay(inside, world):
    assert "note warn" not in text(inside.get("/account/"))
    world.card("insufficient_funds")
    token = network.token(driver=world.driver)
    charge = world.station.start(token)
    drain()
    world.finish(charge)
    page = text(inside.get("/account/"))
    assert "An earlier charge is not paid" in page
    there = re.search(r'href="(http[^"]+)/pay/([^"]+)"', page)
    assert there is not None
    assert "€5.95" in text(inside.get(f"/pay/{there[2]}"))


def test_cards_are_chosen_and_removed(inside, world):
    first = methods.default_for(world.driver.pk)
    accounts.add_card(world.person, "pm_card_mastercard")
    inside.post(f"/account/payment-methods/{first.id}", {"default": "1"})
    assert methods.default_for(world.driver.pk).id == first.id
    inside.post(f"/account/payment-methods/{first.id}", {"remove": "1"})
    (left,) = methods.list_for(world.driver.pk)
    assert left.is_default
    inside.post(f"/account/payment-methods/{left.id}", {"remove": "1"})
    assert methods.list_for(world.driver.pk) == []
    assert not Driver.objects.get(pk=world.driver.pk).can_pay
    assert "No payment method yet" in text(inside.get("/account/payment-methods"))


def test_nobody_changes_the_cards_of_others(client, world):
    log_in(client, accounts.driver())
    card = methods.default_for(world.driver.pk)
    client.post(f"/account/payment-methods/{card.id}", {"remove": "1"})
    assert methods.default_for(world.driver.pk).id == card.id


def test_a_card_is_added_on_the_providers_page(inside, world):
    page = text(inside.post("/account/payment-methods/add"))
    assert "/hosted/" in page
    assert 'http-equiv="refresh"' in page
    assert inside.get("/account/payment-methods?saved=1").status_code == 200


def test_vehicles_are_added_and_removed(inside, world):
    pem = VehicleKey.generate().public_pem
    values = {"label": "My car", "pem": pem}
    assert inside.post("/account/vehicles", values).status_code == 302
    assert "My car" in text(inside.get("/account/vehicles"))
    assert "enrolled already" in text(inside.post("/account/vehicles", values))
    wrong = inside.post("/account/vehicles", {"label": "x", "pem": "nothing"})
    assert wrong.status_code == 422
    vehicle = Vehicle.objects.get()
    assert inside.get(f"/account/vehicles/{vehicle.pk}/certificate").status_code == 302
    inside.post(f"/account/vehicles/{vehicle.pk}/remove")
    vehicle.refresh_from_db()
    assert vehicle.status == "revoked"


def test_settings_keep_language_and_caps(inside, world):
    values = {"locale": "de", "cap": "25.50", "day_cap": "", "month_cap": "200"}
    inside.post("/account/settings", {**values, "cap_currency": "EUR"})
    driver = Driver.objects.get(pk=world.driver.pk)
    assert (driver.locale, driver.cap_minor, driver.month_cap_minor) == (
        "de",
        2550,
        20_000,
    )
    assert driver.day_cap_minor is None
    assert "25,50" in text(inside.get("/account/settings"))
    bad = inside.post("/account/settings", {**values, "cap": "-1"})
    assert bad.status_code == 422


def test_the_data_to_take_away_is_whole_and_own(inside, world):
    order = world.closed()
    accounts.vehicle(world.person)
    values = {"locale": "en", "cap": "20", "day_cap": "40", "cap_currency": "EUR"}
    inside.post("/account/settings", values)
    inside.post("/account/mails", {"time_zone": "Europe/Berlin"})
    answer = inside.get("/account/data")
    data = answer.json()
    assert "attachment" in answer["Content-Disposition"]
    assert data["account"]["email"] == world.driver.email
    assert data["account"]["cap_minor"] == 2000
    assert data["account"]["day_cap_minor"] == 4000
    assert len(data["vehicles"]) == 1
    assert data["mails"]["time_zone"] == "Europe/Berlin"
    assert [row["number"] for row in data["charges"]] == [order.number]
    assert data["receipts"][0]["amount_minor"] == 595
    assert data["payment_methods"][0]["last4"]


def test_a_deleted_account_names_nobody_and_receipts_stay(inside, world):
    order = world.closed()
    email = world.driver.email
    wrong = inside.post("/account/delete", {"password": "wrong"})
    assert wrong.status_code == 422
    inside.post("/account/delete", {"password": PASSWORD})
    driver = Driver.objects.select_related("user").get(pk=world.driver.pk)
    assert email not in {driver.email, driver.user.email}
    assert not driver.user.is_active
    assert methods.list_for(driver.pk) == []
    assert Order.objects.get(pk=order.pk).receipts.get().body["amount_minor"] == 595
    assert log_in(inside, accounts.Person(world.driver, "")).status_code == 422
    assert inside.get("/account/").status_code == 302


def test_an_account_with_a_running_charge_is_not_deleted(inside, world):
    world.charging()
    page = inside.post("/account/delete", {"password": PASSWORD})
    assert page.status_code == 422
    assert "A charge is not finished" in text(page)
    assert Driver.objects.filter(email=world.driver.email).exists()


def test_the_pages_work_under_row_level_security(client, world, as_role):
    assert world.closed().state == "CLOSED"
    world.station.status("preparing", evse=2)
    label = world.station.connector(evse=2).code
    with as_role("app"):
        assert client.get("/").status_code == 200
        assert client.get(f"/q/{label}", follow=True).status_code == 200
        log_in(client, world.person)
        for path in ("", "payment-methods", "vehicles", "settings", "data"):
            assert client.get(f"/account/{path}").status_code == 200
        assert "€5.95" in text(client.get("/account/"))
        started = client.post(f"/q/{label}/start", {"hold": "5000"})
        assert started.status_code == 302, text(started)
        assert client.get(started["Location"]).status_code == 200


def test_the_language_switch_goes_back_to_our_own_pages_only(inside, world):
    answer = inside.post("/language", {"language": "zh-hans", "next": "/account/"})
    assert answer["Location"] == "/account/"
    assert Driver.objects.get(pk=world.driver.pk).locale == "zh-hans"
    foreign = inside.post("/language", {"language": "xx", "next": "//evil.example"})
    assert foreign["Location"] == "/"
    assert "我的充电" in text(inside.get("/account/"))
