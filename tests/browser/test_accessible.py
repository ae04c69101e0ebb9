"""Every page of people: accessible, small, in three languages, without scripts too."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from billing.services import guests
from tests.factories.accounts import PASSWORD
from tests.outbox import drain

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
PAGE_BYTES_MAX = 100_000
WIDE = {"width": 1280, "height": 900}


def check(page):
    """No finding of axe-core, nothing wider than the screen."""
    # Through the browser's debugger: the pages' own policy forbids foreign scripts.
    found = page.evaluate(
        f"async () => {{ {AXE}; return await axe.run("
        f"{{runOnly: {json.dumps(RULES)}}}) }}"
    )
    assert [
        (rule["id"], [node["html"] for node in rule["nodes"]])
        for rule in found["violations"]
    ] == []
    wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wide <= 0


@pytest.fixture
def charging(world):
    """A charge that runs since a while; returns the token of its page."""
    order = world.claimed()
    charge = world.station.start(order.number, timezone.now() - timedelta(minutes=9))
    drain()
    for minute in range(1, 9):
        at = charge.started_at + timedelta(minutes=minute)
        charge.meter(minute * 300, at, power_w=18_000)
    return guests.live_token(order.number)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "de", "zh-CN"])
def test_pages_have_no_findings_in_any_language_and_colour(
    world, charging, context_of, shot, language, scheme
):
    page = context_of(locale=language, color_scheme=scheme).new_page()
    label = world.station.connector(evse=2).code
    world.station.status("preparing", evse=2)
    for name, path in {
        "landing": "/",
        "offer": f"/q/{label}",
        "taken": f"/q/{world.station.connector().code}",
        "not-valid": "/c/NOTHING",
        "live": f"/live/{charging}",
        "log-in": "/account/log-in",
        "sign-up": "/account/sign-up",
    }.items():
        page.goto(path)
        shot(page, f"{name}-{language}-{scheme}")
        check(page)


@pytest.mark.parametrize("viewport", [{"width": 390, "height": 844}, WIDE])
def test_account_pages_have_no_findings(world, context_of, shot, viewport):
    page = context_of(viewport=viewport).new_page()
    page.goto("/account/vehicles")
    page.get_by_label("E-mail").fill(world.driver.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Vehicles")).to_be_visible()
    order = world.closed()
    token = guests.live_token(order.number)
    for name, path in {
        "history": "/account/",
        "methods": "/account/payment-methods",
        "vehicles": "/account/vehicles",
        "settings": "/account/settings",
        "delete": "/account/delete",
        "account-receipt": f"/receipt/{token}",
        "finished": f"/live/{token}",
    }.items():
        page.goto(path)
        shot(page, f"{name}-{viewport['width']}")
        check(page)


def test_a_page_with_all_its_parts_is_small(world, charging, context_of):
    page = context_of().new_page()
    sizes = []
    page.on("response", lambda answer: sizes.append(len(answer.body())))
    for path in (
        "/",
        f"/q/{world.station.connector(evse=2).code}",
        f"/live/{charging}",
    ):
        sizes.clear()
        page.goto(path)
        assert sum(sizes) <= PAGE_BYTES_MAX, path
        assert len(sizes) <= 6


def test_start_and_live_page_work_without_any_script(world, context_of):
    page = context_of(java_script_enabled=False).new_page()
    page.goto(f"/q/{world.station.connector().code}")
    expect(page.get_by_text("Plug in first")).to_be_visible()
    world.station.status("preparing")
    # The page asks again by itself.
    page.get_by_role("button", name="Pay and start").click()
    expect(page.get_by_text("Preparing the payment")).to_be_visible()
    drain()
    page.wait_for_url("**/hosted/**")


def test_the_language_is_chosen_once_and_kept(world, phone):
    phone.goto("/")
    phone.get_by_role("button", name="Deutsch").click()
    expect(phone.locator("html")).to_have_attribute("lang", "de")
    phone.goto(f"/q/{world.station.connector().code}")
    expect(phone.get_by_text("Zuerst anstecken")).to_be_visible()


def test_a_lost_link_keeps_the_last_values_and_says_how_old_they_are(
    world, charging, context_of, shot
):
    context = context_of()
    page = context.new_page()
    page.clock.install()
    page.goto(f"/live/{charging}")
    expect(page.locator("[data-live=energy]")).to_have_text("2.40")
    context.set_offline(offline=True)
    page.clock.run_for(40_000)
    expect(page.get_by_text("No connection")).to_be_visible()
    expect(page.locator("[data-live=energy]")).to_have_text("2.40")
    shot(page, "lost-link")
