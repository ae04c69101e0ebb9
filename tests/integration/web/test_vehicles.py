"""Vehicles and mails by pages alone: caps, sharing, who pays, handing over."""

import html
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from cpms.accounts.models import Driver, Vehicle
from cpms.notifications.models import DriverNotificationSettings
from cpms.web.limits import MISSES_MAX
from simulators.vehicle.keys import VehicleKey
from tests.factories import accounts
from tests.factories.accounts import PASSWORD

VEHICLES = "/account/vehicles"
CAPS = {"cap": "12.50", "day_cap": "", "month_cap": "100", "cap_currency": "EUR"}


def text(response):
    return html.unescape(response.content.decode())


def log_in(client, email):
    client.post("/account/log-in", {"email": email, "password": PASSWORD})
    return client


@pytest.fixture
def owner(client, world):
    return log_in(client, world.person.driver.email)


@pytest.fixture
def other(world, client_class):
    """Another driver: the person and a logged-in browser."""
    person = accounts.driver_with_card(email="other@example.org")
    return person, log_in(client_class(), person.driver.email)


@pytest.fixture
def client_class(client):
    return type(client)


@pytest.fixture
def car(owner):
    pem = VehicleKey.generate().public_pem
    owner.post(VEHICLES, {"label": "Blue car", "pem": pem})
    return Vehicle.objects.get(label="Blue car")


def at(car, deed=""):
    return f"{VEHICLES}/{car.pk}{deed}"


def test_a_vehicle_gets_a_new_name_and_caps_of_its_own(owner, car):
    assert "Blue car" in text(owner.get(at(car)))
    assert owner.post(at(car), {"label": "Red car", **CAPS}).status_code == 302
    car.refresh_from_db()
    assert car.label == "Red car"
    assert (car.charge_cap_minor, car.day_cap_minor) == (1250, None)
    assert (car.month_cap_minor, car.cap_currency) == (10_000, "EUR")
    assert 'value="12.50"' in text(owner.get(at(car)))
    assert owner.post(at(car), {"label": "", **CAPS}).status_code == 422


def test_a_shared_vehicle_is_paid_by_who_wants_to(owner, other, car):
    person, friend = other
    assert "Nobody else yet" in text(owner.get(at(car)))
    owner.post(at(car, "/share"), {"email": person.driver.email})
    assert person.driver.email in text(owner.get(at(car)))
    assert "Its owner pays" in text(friend.get(VEHICLES))
    friend.post(at(car, "/payer"), {"take": "1"})
    car.refresh_from_db()
    assert car.payer_id == person.driver.pk
    assert "Another driver pays" in text(owner.get(VEHICLES))
    owner.post(at(car, "/payer"), {"give": "1"})
    car.refresh_from_db()
    assert car.payer_id is None
    friend.post(at(car, f"/drivers/{person.driver.pk}/remove"))
    assert "Shared with you" not in text(friend.get(VEHICLES))


def test_the_owner_ends_a_share(owner, other, car):
    person, friend = other
    owner.post(at(car, "/share"), {"email": person.driver.email})
    owner.post(at(car, f"/drivers/{person.driver.pk}/remove"))
    assert friend.post(at(car, "/payer"), {"take": "1"}).status_code == 404


def test_sharing_with_nobody_says_so_and_guessing_ends(owner, car):
    for _ in range(MISSES_MAX["account"]):
        page = owner.post(at(car, "/share"), {"email": "nobody@example.org"})
        assert page.status_code == 422
        assert "no other account with this address" in text(page)
    page = owner.post(at(car, "/share"), {"email": "nobody@example.org"})
    assert "Too many tries" in text(page)


def test_a_code_hands_the_vehicle_over_once(owner, other, car):
    person, buyer = other
    page = text(owner.post(at(car, "/hand-over")))
    assert "<svg" in page
    code = re.search(r'<p class="mono">([^<]+)</p>', page)[1]
    form = text(buyer.get(f"{VEHICLES}/take-over?code={code}"))
    assert f'value="{code}"' in form
    wrong = buyer.post(f"{VEHICLES}/take-over", {"code": "x" * 20, "label": "Mine"})
    assert wrong.status_code == 422
    assert "Ask the owner for a new one" in text(wrong)
    taken = {"code": code, "label": "Mine"}
    assert buyer.post(f"{VEHICLES}/take-over", taken).status_code == 302
    car.refresh_from_db()
    assert car.status == "revoked"
    mine = Vehicle.objects.get(driver_id=person.driver.pk)
    assert (mine.fingerprint, mine.label) == (car.fingerprint, "Mine")
    assert owner.get(at(car)).status_code == 404
    assert buyer.post(f"{VEHICLES}/take-over", taken).status_code == 422


def test_nobody_reaches_another_drivers_vehicle(owner, other, car):
    friend = other[1]
    for deed in ("/share", "/hand-over", "/payer"):
        values = {"email": "x@example.org", "take": "1"}
        assert friend.post(at(car, deed), values).status_code == 404, deed
    assert friend.get(at(car)).status_code == 404
    assert friend.post(at(car), {"label": "Mine now", **CAPS}).status_code == 404
    friend.post(at(car, "/remove"))
    car.refresh_from_db()
    assert (car.status, car.label) == ("active", "Blue car")


def test_mails_are_muted_and_held_back_at_night(owner, world):
    values = {
        "wanted": ["charge_requested", "payment_failed"],
        "quiet_from": "22:00",
        "quiet_until": "06:30",
        "time_zone": "Europe/Berlin",
    }
    assert owner.post("/account/mails", values).status_code == 302
    row = DriverNotificationSettings.objects.get(driver=world.person.driver)
    assert row.muted == ["charge_started", "charge_stopped", "idle_fee_soon"]
    assert row.quiet_from.hour == 22
    assert row.time_zone == "Europe/Berlin"
    page = text(owner.get("/account/mails"))
    assert 'value="22:00"' in page
    assert page.count("checked") == 2


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"quiet_from": "22:00"}, "Give both times"),
        ({"quiet_until": "22:00"}, "Give both times"),
        ({"time_zone": "Moon/Base"}, "Moon/Base"),
        ({"wanted": ["spam"]}, ""),
    ],
)
def test_wrong_quiet_hours_are_told_and_nothing_changes(owner, values, words):
    page = owner.post("/account/mails", {"time_zone": "UTC", **values})
    assert page.status_code == 422
    assert words in text(page)
    assert not DriverNotificationSettings.objects.exists()


def test_the_new_pages_speak_german_and_chinese(owner, car):
    for language, words in (("de", "Weitere Fahrer"), ("zh-hans", "其他驾驶员")):
        owner.cookies["django_language"] = language
        assert words in text(owner.get(at(car)))
    assert Driver.objects.count() == 1


def test_a_certificate_is_renewed_by_a_signing_request(owner, other, car):
    key = VehicleKey.generate()
    csr = key.csr_pem("green")
    owner.post(VEHICLES, {"label": "Green car", "pem": csr})
    green = Vehicle.objects.get(label="Green car")
    soon = timezone.now() + timedelta(days=20)
    Vehicle.objects.filter(pk=green.pk).update(certificate_expires_at=soon)
    assert 'class="note warn">Valid until' in text(owner.get(at(green)))
    assert "Valid until" not in text(owner.get(at(car))), "a bare key has no end"
    wrong = owner.post(at(green, "/renew"), {"csr": "BEGIN nothing"})
    assert wrong.status_code == 422
    assert other[1].post(at(green, "/renew"), {"csr": csr}).status_code == 404
    green.refresh_from_db()
    assert green.certificate_expires_at == soon
    assert owner.post(at(green, "/renew"), {"csr": csr}).status_code == 302
    green.refresh_from_db()
    assert green.certificate_expires_at > soon + timedelta(days=900)
    assert green.fingerprint == key.fingerprint
    assert 'class="note warn">Valid until' not in text(owner.get(at(green)))
