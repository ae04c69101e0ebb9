"""The pages behind the codes: what a driver sees before the start."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import Order
from cpms.web.limits import MISSES_MAX
from tests.factories import accounts, tariffs
from tests.factories.accounts import PASSWORD


def text(response):
    return response.content.decode()


def test_a_label_without_a_vehicle_says_plug_in_and_looks_again(client, world, label):
    page = client.get(f"/q/{label}")
    assert page.status_code == 200
    assert "Plug in first" in text(page)
    assert 'http-equiv="refresh"' in text(page)
    assert "Pay and start" not in text(page)


def test_a_label_leads_to_the_live_certificate_with_all_a_driver_must_know(
    client, plugged, label
):
    there = client.get(f"/q/{label}")
    assert there.status_code == 302
    assert there["Location"].startswith("/c/")
    page = text(client.get(there["Location"]))
    assert plugged.operator.name in page
    assert "€0.595 per kWh" in page
    assert "€50.00 are reserved" in page
    assert "Pay and start" in page
    assert "Prices include taxes." in page


def test_a_scan_survives_a_certificate_that_the_charger_asks_for_meanwhile(
    client, plugged, label
):
    there = client.get(f"/q/{label}")["Location"]
    newer = plugged.station.certificate(1, timezone.now())
    assert newer.code not in there

    page = client.get(there, follow=True)

    assert page.status_code == 200
    assert "Pay and start" in text(page)
    assert Client().get(there).status_code == 404


def test_a_label_whose_certificate_waits_can_start_as_well(client, plugged, label):
    client.get(f"/q/{label}")
    again = client.get(f"/q/{label}")
    assert again.status_code == 200
    assert f'action="/q/{label}/start"' in text(again)


@pytest.mark.parametrize("path", ["/q/NOTHING1", "/c/NOTHING1", "/c/" + "x" * 300])
def test_unknown_codes_look_the_same(client, world, path):
    page = client.get(path)
    assert page.status_code == 404
    assert "This code is not valid" in text(page)


def test_used_and_unknown_certificates_look_the_same(client, plugged, label):
    code = client.get(f"/q/{label}")["Location"].rpartition("/")[2]
    assert client.post(f"/c/{code}/start", {"guest": "1"}).status_code == 302
    used, unknown = client.get(f"/c/{code}"), client.get("/c/NOTHING1")
    assert used.status_code == unknown.status_code == 404
    assert "This code is not valid" in text(used)


def test_guessing_ends_in_the_same_answer_for_right_and_wrong(client, plugged, label):
    for number in range(MISSES_MAX["code"]):
        client.get(f"/c/WRONG{number}")
    wrong, right = client.get("/c/WRONG"), client.get(f"/q/{label}")
    assert wrong.status_code == right.status_code == 429
    assert "Too many attempts" in text(right)
    started = client.post(f"/q/{label}/start", {"guest": "1"})
    assert started.status_code == 429
    assert not Order.objects.exists()


def test_an_operator_that_cannot_be_paid_sells_nothing(client, plugged, label):
    type(plugged.account).objects.update(charges_enabled=False)
    page = text(client.get(f"/q/{label}"))
    assert "This operator cannot take payments now" in page
    assert "Pay and start" not in page


def test_a_station_out_of_order_or_away_says_so(client, plugged, label):
    plugged.station.status("faulted")
    assert "out of order" in text(client.get(f"/q/{label}"))


def test_a_free_charge_needs_no_payment(client, plugged, label):
    tariffs.tariff(
        plugged.operator,
        tariffs.component(price="0"),
        code="FREE",
        charge_point=plugged.station.identity,
    )
    page = text(client.get(f"/q/{label}", follow=True))
    assert "Free of charge." in page
    assert "Start charging" in page


def test_a_wrong_mail_address_is_shown_beside_its_field(client, plugged, label):
    page = client.post(f"/q/{label}/start", {"guest": "1", "email": "nobody"})
    assert page.status_code == 200
    assert 'aria-invalid="true"' in text(page)
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("typed", "there"),
    [
        ("abcd1234", "/q/abcd1234"),
        (" https://example.org/q/ABCD1234 ", "/q/ABCD1234"),
        ("x" * 24, "/c/" + "x" * 24),
    ],
)
def test_a_typed_code_leads_to_its_page(client, db, typed, there):
    assert client.post("/", {"code": typed})["Location"] == there


def test_pages_tell_no_other_site_and_run_no_foreign_script(client, world, label):
    page = client.get(f"/q/{label}")
    policy = page["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page["Referrer-Policy"] == "same-origin"
    assert page["Cache-Control"] == "no-store"
    assert "<script>" not in text(page)
    assert " style=" not in text(page)


def test_who_comes_late_is_no_guesser(client, plugged, label):
    code = client.get(f"/q/{label}")["Location"].rpartition("/")[2]
    client.post(f"/c/{code}/start", {"guest": "1"})
    for _ in range(MISSES_MAX["code"] + 1):
        assert client.get(f"/c/{code}").status_code == 404
        assert client.post(f"/c/{code}/start", {"guest": "1"}).status_code == 404
    assert client.get("/c/NOTHING").status_code == 404


def test_a_start_that_is_refused_says_why_and_leads_back(client, plugged, label):
    code = client.get(f"/q/{label}")["Location"].rpartition("/")[2]
    type(plugged.account).objects.update(charges_enabled=False)
    page = client.post(f"/c/{code}/start", {"guest": "1"})
    assert page.status_code >= 400
    assert "This operator cannot take payments now" in text(page)
    assert f'href="/c/{code}"' in text(page)
    assert not Order.objects.exists()


def price_of(page):
    (price,) = set(re.findall(r'name="price" value="([0-9a-f]{64})"', text(page)))
    return price


def test_a_price_that_changed_after_it_was_shown_starts_nothing(client, plugged, label):
    code = client.get(f"/q/{label}")["Location"].rpartition("/")[2]
    shown = price_of(client.get(f"/c/{code}"))
    tariffs.tariff(plugged.operator, tariffs.component(price="5.00", vat=19))
    page = client.post(f"/c/{code}/start", {"guest": "1", "price": shown})
    assert page.status_code == 409
    assert "The price has just changed" in text(page)
    assert f'href="/c/{code}"' in text(page)
    assert not Order.objects.exists()
    again = price_of(client.get(f"/c/{code}"))
    started = client.post(f"/c/{code}/start", {"guest": "1", "price": again})
    assert started.status_code == 302
    assert Order.objects.get().tariff_hash == again != shown


def test_an_account_sees_its_own_price_and_the_guests_beside_it(client, plugged, label):
    tariffs.tariff(
        plugged.operator,
        tariffs.component(price="0.30", vat=19),
        token_type="APP_USER",
        code="APP",
    )
    code = client.get(f"/q/{label}")["Location"].rpartition("/")[2]
    assert "€0.595 per kWh" in text(client.get(f"/c/{code}"))
    person = plugged.person
    client.post("/account/log-in", {"email": person.driver.email, "password": PASSWORD})
    page = client.get(f"/c/{code}")
    assert "€0.357 per kWh" in text(page)
    assert f'href="/c/{code}?guest=1"' in text(page)
    as_guest = client.get(f"/c/{code}?guest=1")
    assert "€0.595 per kWh" in text(as_guest)
    assert f'value="{person.driver.email}"' in text(as_guest)
    assert price_of(as_guest) != price_of(page)
    # The guest's price buys nothing for the account.
    wrong = {"hold": "5000", "price": price_of(as_guest)}
    assert client.post(f"/c/{code}/start", wrong).status_code == 409
    right = {"hold": "5000", "price": price_of(page)}
    assert client.post(f"/c/{code}/start", right).status_code == 302
    assert Order.objects.get().driver == person.driver


def test_an_account_whose_cap_is_used_up_is_led_to_paying_as_a_guest(
    client, plugged, label
):
    tariffs.tariff(
        plugged.operator, tariffs.component("FLAT", price="1.00"), code="FLAT"
    )
    person = accounts.driver_with_card()
    type(person.driver).objects.filter(pk=person.driver.pk).update(
        cap_minor=1, cap_currency="EUR"
    )
    client.post("/account/log-in", {"email": person.driver.email, "password": PASSWORD})
    page = client.get(f"/q/{label}")
    assert "Your spending cap is too low" in text(page)
    assert f'href="/q/{label}?guest=1"' in text(page)
    there = client.get(f"/q/{label}?guest=1", follow=True)
    assert "Pay and start" in text(there)
