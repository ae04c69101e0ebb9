"""A driver's vehicles and mails in the browser, without any script."""

import pytest
from playwright.sync_api import expect

from cpms.accounts.models import Vehicle
from simulators.vehicle.keys import VehicleKey
from tests.browser.test_accessible import PAGE_BYTES_MAX, check
from tests.factories.accounts import PASSWORD, driver_with_card


def log_in(page, person, there="/account/vehicles"):
    page.goto(there)
    page.get_by_label("E-mail").fill(person.driver.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"**{there}")


def test_a_vehicle_is_added_shared_and_sold_without_scripts(world, context_of, shot):
    page = context_of(java_script_enabled=False).new_page()
    log_in(page, world.person)
    page.get_by_label("Name of the vehicle").fill("Blue car")
    page.get_by_label("Public key").fill(VehicleKey.generate().public_pem)
    page.get_by_role("button", name="Add").click()
    page.get_by_role("link", name="Open Blue car").click()
    shot(page, "vehicle")
    page.get_by_label("Most per charge").fill("20")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert Vehicle.objects.get().charge_cap_minor == 2000

    buyer = driver_with_card(email="buyer@example.org")
    page.get_by_label("E-mail of the other driver").fill(buyer.driver.email)
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_text(buyer.driver.email)).to_be_visible()

    page.get_by_role("button", name="Hand over to a new owner").click()
    code = page.locator("p.mono").inner_text()
    shot(page, "hand-over")
    other = context_of(java_script_enabled=False).new_page()
    log_in(other, buyer)
    expect(other.get_by_text("Shared with you")).to_be_visible()
    other.get_by_role("link", name="I have a code").click()
    other.get_by_label("Code of the former owner").fill(code)
    other.get_by_label("Name of the vehicle").fill("Used car")
    other.get_by_role("button", name="Add").click()
    expect(other.get_by_role("link", name="Open Used car")).to_be_visible()
    page.goto("/account/vehicles")
    expect(page.get_by_text("No vehicle yet")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "de", "zh-CN"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_vehicles_and_mails_are_accessible_and_small(
    world, context_of, shot, language, scheme
):
    page = context_of(locale="en").new_page()
    log_in(page, world.person)
    page.get_by_label("Name of the vehicle").fill("Blue car")
    page.get_by_label("Public key").fill(VehicleKey.generate().public_pem)
    page.get_by_role("button", name="Add").click()
    page.wait_for_selector("text=Blue car")
    row = Vehicle.objects.get()
    cookies = page.context.cookies()
    context = context_of(locale=language, color_scheme=scheme)
    context.add_cookies([c for c in cookies if c["name"] == "sessionid"])
    page = context.new_page()
    sizes = []
    page.on("response", lambda answer: sizes.append(len(answer.body())))
    for name, path in {
        "vehicles": "/account/vehicles",
        "vehicle": f"/account/vehicles/{row.pk}",
        "take-over": "/account/vehicles/take-over?code=ABC",
        "mails": "/account/mails",
        "settings": "/account/settings",
        "methods": "/account/payment-methods",
        "history": "/account/",
        "delete": "/account/delete",
    }.items():
        sizes.clear()
        page.goto(path)
        shot(page, f"{name}-{language}-{scheme}")
        check(page)
        assert sum(sizes) <= PAGE_BYTES_MAX, path
