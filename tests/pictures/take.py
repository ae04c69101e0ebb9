"""Photographs the main pages for README and docs; run by ``make screenshots``."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.factories.accounts import PASSWORD
from tests.integration.charge_points.admin_world import make_staff
from tests.pictures.camera import FOLDER, photograph
from tests.pictures.scenery import build

WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 780}
LANGUAGES = {"en": "en", "de": "de"}
FONTS = subprocess.run(
    ["fc-list", ":lang=zh"], capture_output=True, text=True, check=False
)
if FONTS.stdout.strip():  # without one the letters would be empty boxes
    LANGUAGES["zh"] = "zh-CN"
OWNER = "owner@example.org"
HERE = Path(os.environ.get("PICTURES", FOLDER))


@pytest.fixture
def scenery(world, settings):
    settings.STAFF_SECOND_FACTOR = False
    HERE.mkdir(parents=True, exist_ok=True)
    make_staff(OWNER, world.operator.pk)
    return build(world)


def take(page, name):
    if "zh" not in LANGUAGES:  # nor the name of the language that is offered
        page.evaluate(
            "document.querySelectorAll('[lang|=zh]').forEach((found) => found.remove())"
        )
    assert photograph(page, name, folder=HERE).exists()


def log_in(page):
    page.goto("/admin/login/?next=/admin/")
    page.fill("[name=username]", OWNER)
    page.fill("[name=password]", "a long password")
    page.click("[type=submit]")
    page.wait_for_selector("#live")


def console(scenery):
    station = f"/admin/charge_points/chargepoint/{scenery.stations[0].id}"
    return {
        "dashboard": "/admin/",
        "order": f"/admin/billing/order/by-number/{scenery.order}/",
        "charge-point": f"{station}/change/",
        "orders": "/admin/billing/order/",
        "charge-points": "/admin/charge_points/chargepoint/",
        "messages": f"{station}/messages/",
        "tariffs": "/admin/billing/tariff/",
        "first-charge": "/admin/first-charge/",
        "ledger": "/admin/settlement/ledgerentry/",
        "payments": "/admin/settlement/payment/",
    }


MAIN = ("dashboard", "order", "charge-point")


def test_console(scenery, context_of):
    looks = (("", WIDE, "light"), ("-dark", WIDE, "dark"), ("-narrow", NARROW, "light"))
    for suffix, viewport, scheme in looks:
        page = context_of(viewport=viewport, color_scheme=scheme).new_page()
        log_in(page)
        for name, path in console(scenery).items():
            if not suffix or name in MAIN:
                page.goto(path)
                take(page, f"console-{name}{suffix}")
    page = context_of(viewport=WIDE, locale="de").new_page()
    log_in(page)
    page.goto(console(scenery)["charge-point"])
    take(page, "console-charge-point-de")


def test_drivers(scenery, context_of):
    label = scenery.stations[0].connector(evse=2).code
    for short, locale in LANGUAGES.items():
        page = context_of(
            viewport=NARROW, locale=locale, device_scale_factor=1.5
        ).new_page()
        page.goto(f"/q/{label}")
        take(page, f"driver-price-{short}")
        page.goto("/account/log-in")
        page.fill("[name=email]", scenery.world.driver.email)
        page.fill("[name=password]", PASSWORD)
        page.locator("main form button").first.click()
        page.wait_for_url("**/account/")
        for name, path in {
            "history": "/account/",
            "live": f"/live/{scenery.live}",
            "receipt": f"/receipt/{scenery.receipt}",
            "settings": "/account/settings",
            "mails": "/account/mails",
            "vehicles": "/account/vehicles",
        }.items():
            page.goto(path)
            take(page, f"driver-{name}-{short}")
