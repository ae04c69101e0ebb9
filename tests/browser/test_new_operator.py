"""A stranger with nothing but the pages: from a company to the first paid charge."""

import json
import re
import threading

import pytest
from django.conf import settings as configured
from django.core.cache import cache
from django.core.signals import request_started
from django.db import connection
from django.utils import timezone
from playwright.sync_api import expect

from billing.models import Order
from charge_points.models import Connector, Transaction
from cpms.accounts.models import Membership, Operator, User
from settlement.models import Payment
from settlement.services import holds
from tests.browser.test_guest import GOOD_CARD
from tests.factories import money
from tests.factories.tariffs import component, ocpi
from tests.integration.ops.processes import environment, free_port, process, until
from tests.outbox import drain

WIDE = {"width": 1280, "height": 900}
PASSWORD = "a long password"
ENERGY_WH = 2_000


def work_as_the_web(**_sent):
    """Every request of the live server behind the role that the web has."""
    if threading.current_thread() is not threading.main_thread():
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE cpms_app")


@pytest.fixture
def town(transactional_db, live_server, psp_process, settings):
    """A platform without any operator, with a provider that answers."""
    cache.clear()
    settings.PAYMENT_PROVIDERS = money.provider_settings(psp_process)
    settings.PUBLIC_BASE_URL = live_server.url
    settings.STAFF_SECOND_FACTOR = False
    User.objects.create_superuser("root@example.org", PASSWORD)
    request_started.connect(work_as_the_web)
    yield
    request_started.disconnect(work_as_the_web)
    psp_process.control("faults", method="DELETE")


@pytest.fixture
def gateway(town, tmp_path, settings):
    """A real gateway, where the pages say that it is."""
    port = free_port()
    settings.OCPP_BASE_URL = f"ws://127.0.0.1:{port}"
    ready = tmp_path / "ready"
    argv = ["manage.py", "ocpp_gateway", "--host", "127.0.0.1", "--port", str(port)]
    argv += ["--ready-file", str(ready), "--metrics-port", str(free_port())]
    env = environment(configured.REDIS_URL)
    with process(argv, env, tmp_path / "gateway.log"):
        until(ready.exists)
        yield


def log_in(page, email):
    page.goto("/admin/login/?next=/admin/")
    page.fill("[name=username]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_selector("#live, #content")


def save(page):
    page.locator("[name=_save]").first.click()


def take_in(page):
    """The platform's part: the company, and its owner's account and role."""
    page.goto("/admin/accounts/user/add/")
    page.fill("[name=email]", "owner@harbour.example")
    page.fill("[name=password1]", "Much-4-longer!")
    page.fill("[name=password2]", "Much-4-longer!")
    save(page)
    page.check("[name=is_staff]")
    save(page)
    page.goto("/admin/accounts/operator/add/")
    for name, value in {
        "name": "Harbour Power",
        "code": "harbour",
        "country": "DE",
        "currency": "EUR",
        "time_zone": "Europe/Berlin",
    }.items():
        page.fill(f"[name={name}]", value)
    save(page)
    page.wait_for_url("**/accounts/operator/")
    Membership.objects.create(
        operator=Operator.objects.get(code="harbour"),
        user=User.objects.get(email="owner@harbour.example"),
        role=Membership.Role.OWNER,
    )


def open_account(page):
    """At the provider's own pages, and back to the steps."""
    page.get_by_role("link", name="Open the account").click()
    page.get_by_role("button", name="Go on at the provider").click()
    page.get_by_role("button", name="Complete onboarding").click()
    page.wait_for_url("**/first-charge/")
    drain()
    page.reload()
    expect(page.get_by_text("takes payments")).to_be_visible()


def add_site(page):
    page.get_by_role("link", name="Add a site").click()
    for name, value in {
        "name": "Quay 1",
        "address": "Am Kai 1",
        "city": "Kiel",
        "country": "DE",
        "latitude": "54.32",
        "longitude": "10.14",
        "time_zone": "Europe/Berlin",
    }.items():
        page.fill(f"[name={name}]", value)
    save(page)
    page.wait_for_url("**/charge_points/site/")


def add_stations(page, shot):
    """One by form, two from a file; what the first one's page shows for the charger."""
    page.get_by_role("link", name="Add a charge point").first.click()
    page.fill("[name=identity]", "QUAY-1")
    page.fill("[name=site]", "Quay 1")
    page.fill("[name=max_power_w]", "22000")
    page.get_by_role("button", name="Add it").click()
    password = page.locator(".c-note pre").inner_text().strip()
    shown = page.locator("code", has_text=re.compile("^ws://")).first.inner_text()
    shot(page, "new-operator-password")
    page.get_by_role("link", name="Back to the steps").click()
    page.get_by_role("link", name="From a CSV file").click()
    text = "identity,site,evses\nQUAY-2,Quay 1,1\nQUAY-3,Quay 1,2\n"
    page.set_input_files(
        "[name=file]",
        {"name": "more.csv", "mimeType": "text/csv", "buffer": text.encode()},
    )
    page.get_by_role("button", name="Add them").click()
    expect(page.get_by_text("2 charge points were added")).to_be_visible()
    page.get_by_role("link", name="Back to the steps").click()
    return shown.rstrip("/"), password


def set_price(page):
    """A tariff, and that it applies everywhere."""
    page.get_by_role("link", name="Add a tariff").click()
    tariff = ocpi(component(price="0.50", vat=19)) | {"id": "quay"}
    page.fill("textarea[name=ocpi]", json.dumps(tariff))
    page.fill("[name=name]", "Quay")
    page.locator("[name=_save]").first.click()
    expect(page.get_by_text("As it is sold")).to_be_visible()
    page.goto("/admin/first-charge/")
    page.get_by_role("link", name="Say where it applies").click()
    page.select_option("[name=tariff]", index=1)
    page.fill("[name=starts_at_0]", f"{timezone.now():%Y-%m-%d}")
    page.fill("[name=starts_at_1]", "00:00:00")
    save(page)
    page.wait_for_url("**/billing/tariffassignment/")


def print_labels(page):
    page.goto("/admin/first-charge/")
    link = page.get_by_role("link", name="Labels as PDF").first
    answer = page.request.get(link.get_attribute("href"))
    assert answer.body().startswith(b"%PDF")


def drive(phone, label):
    """Scan, pay as a guest; the charge runs by itself and ends."""
    phone.goto(f"/q/{label}")
    phone.get_by_label("E-mail").fill("guest@example.org")
    phone.get_by_role("button", name="Pay and start").click()
    expect(phone.get_by_text("Preparing the payment")).to_be_visible()
    drain()
    phone.wait_for_url("**/hosted/**")
    phone.locator("[name=card_number]").fill(GOOD_CARD)
    phone.get_by_role("button").first.click()
    phone.wait_for_url("**/live/**")
    order = Order.objects.get()
    holds.refresh(payment_id=order.payment_id, at=timezone.now())

    def is_closed():
        drain()
        order.refresh_from_db()
        assert order.state not in {"FAILED", "REVIEW"}, order.review_reason
        return order.state == "CLOSED"

    until(is_closed)
    expect(phone.get_by_role("link", name="Show the receipt")).to_be_visible()


def log_in_first(page):
    page.goto("/admin/login/?next=/admin/")
    page.fill("[name=username]", "owner@harbour.example")
    page.fill("[name=password]", "Much-4-longer!")
    page.click("[type=submit]")
    page.wait_for_url("**/admin/")


def set_up(desk, shot):
    """All steps before the charger; returns its address and password."""
    log_in_first(desk)
    shot(desk, "new-operator-dashboard")
    desk.get_by_role("link", name="First charge").first.click()
    expect(desk.locator("[aria-current=step]")).to_contain_text("Payee account")
    shot(desk, "new-operator-steps")
    open_account(desk)
    expect(desk.locator("[aria-current=step]")).to_contain_text("Site")
    add_site(desk)
    desk.goto("/admin/first-charge/")
    found = add_stations(desk, shot)
    set_price(desk)
    print_labels(desk)
    return found


def charging(address, password, log):
    """The charger, as it comes: told nothing but what the page shows."""
    argv = ["-m", "simulators", "charge-point", "--url", address]
    argv += ["--identity", "QUAY-1", "--password", password, "--json", "--remote"]
    argv += ["--energy-wh", str(ENERGY_WH), "--time-scale", "60", "--stop", "unplug"]
    return process(argv, environment(configured.REDIS_URL), log)


def test_a_new_operator_reaches_its_first_paid_charge_with_nothing_but_the_pages(
    gateway, context_of, phone, shot, tmp_path
):
    root = context_of(viewport=WIDE).new_page()
    log_in(root, "root@example.org")
    take_in(root)
    desk = context_of(viewport=WIDE).new_page()
    address, password = set_up(desk, shot)
    connector = Connector.objects.get(charge_point__identity="QUAY-1")
    with charging(address, password, tmp_path / "station.log"):
        until(lambda: Connector.objects.get(pk=connector.pk).status == "preparing")
        desk.goto(
            f"/admin/charge_points/chargepoint/{connector.charge_point_id}/change/"
        )
        expect(desk.get_by_text("online").first).to_be_visible()
        drive(phone, connector.code)
    shot(phone, "new-operator-receipt")
    payment = Payment.objects.get()
    assert payment.captured_minor > 0
    assert payment.operator == Operator.objects.get(code="harbour")
    assert Transaction.objects.get().energy_wh >= ENERGY_WH
    desk.goto("/admin/first-charge/")
    expect(desk.get_by_text("7 of 7 done")).to_be_visible()
    shot(desk, "new-operator-done")
