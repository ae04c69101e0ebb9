"""The console in a real browser: live first page, second factor, the first steps."""

import re
import time

import pytest
from django.core.cache import cache
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from charge_points.models import Connector, Site
from tests.integration.charge_points.admin_world import make_staff
from tests.integration.charge_points.world import make_operator, make_station

WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 390, "height": 844}


@pytest.fixture
def station(transactional_db, settings):
    cache.clear()
    settings.STAFF_SECOND_FACTOR = False
    operator = make_operator()
    made = make_station()
    Site.objects.update(latitude="54.32", longitude="10.13")
    make_staff("owner@example.org", operator.pk)
    return made


def log_in(page):
    page.goto("/admin/login/?next=/admin/")
    page.fill("[name=username]", "owner@example.org")
    page.fill("[name=password]", "a long password")
    page.click("[type=submit]")


def test_the_first_page_stays_current_and_asks_no_other_host(
    context_of, station, live_server, shot
):
    page = context_of(viewport=WIDE).new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    log_in(page)
    page.wait_for_selector(".c-marker")
    faulted = page.locator("[data-figure=network-faulted-connectors] b")
    assert faulted.inner_text() == "0"
    Connector.objects.update(status="faulted", error_code="GroundFailure")
    page.wait_for_function(
        "document.querySelector('[data-figure=network-faulted-connectors] b')"
        ".textContent === '2'"
    )
    page.wait_for_selector(".c-marker.danger")
    assert "Faulted connectors" in page.locator(".c-lists").inner_text()
    assert not [url for url in asked if not url.startswith(live_server.url)]
    shot(page, "console-live")


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_no_page_of_the_frame_is_wider_than_the_screen(context_of, station, viewport):
    page = context_of(viewport=viewport).new_page()
    log_in(page)
    for path in ("/admin/", "/admin/first-charge/", "/admin/charge-points/import/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_owner_enrols_a_second_factor_and_logs_in_with_it(
    context_of, station, settings, shot
):
    settings.STAFF_SECOND_FACTOR = True
    page = context_of(viewport=WIDE).new_page()
    log_in(page)
    page.wait_for_selector(".c-qr svg")
    shot(page, "console-enrol")
    page.fill("[name=code]", _code())
    page.click("text=Confirm")
    page.wait_for_selector(".c-codes")
    recovery = page.locator(".c-codes code").first.inner_text()
    page.click("text=I have kept them")
    page.wait_for_selector("#live")
    again = context_of(viewport=WIDE).new_page()
    log_in(again)
    again.fill("[name=code]", recovery)
    again.click("text=Continue")
    again.wait_for_selector("#live")


def _code():
    totp = TOTP(TOTPDevice.objects.get().bin_key)
    totp.time = time.time()  # noqa: TID251 - as the phone's clock
    return f"{totp.token():06d}"


def test_charge_points_come_from_a_file_and_the_steps_follow(
    context_of, station, tmp_path, shot
):
    page = context_of(viewport=WIDE).new_page()
    log_in(page)
    page.click("text=First charge")
    page.click("text=From a CSV file")
    file = tmp_path / "stations.csv"
    file.write_text("identity,evses\nNEW-1,2\nNEW-2,1\n")
    page.set_input_files("[name=file]", str(file))
    page.click("text=Add them")
    page.wait_for_selector("text=2 charge points were added")
    assert re.search(r"[0-9a-f]{40}", page.locator(".c-table").inner_text())
    page.click("text=Back to the steps")
    page.wait_for_selector("text=Known: 3")
    shot(page, "console-steps")


def test_the_console_speaks_the_browsers_language(context_of, station):
    page = context_of(viewport=WIDE, locale="de").new_page()
    log_in(page)
    page.wait_for_selector("text=Ladestationen")
    assert "Netz" in page.locator("#nav-sidebar, nav").first.inner_text()
