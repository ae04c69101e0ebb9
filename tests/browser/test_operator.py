"""What operators do in the console: price, money back, commands, and only their own."""

import copy
import json

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from billing.models import Tariff
from charge_points.models import Command
from settlement.models import Refund
from tests.factories import accounts, network, tariffs
from tests.integration.charge_points.admin_world import make_staff
from tests.outbox import drain

WIDE = {"width": 1280, "height": 900}
OWNER = "owner@example.org"
KEYBOARD_STEPS_MAX = 120


@pytest.fixture
def desk(world, context_of, settings):
    """The owner of the world's operator, logged in."""
    cache.clear()
    settings.STAFF_SECOND_FACTOR = False
    make_staff(OWNER, world.operator.pk)
    page = context_of(viewport=WIDE).new_page()
    log_in(page, OWNER)
    return page


def log_in(page, email):
    page.goto("/admin/login/?next=/admin/")
    page.fill("[name=username]", email)
    page.fill("[name=password]", "a long password")
    page.click("[type=submit]")
    page.wait_for_selector("#live")


def test_a_new_price_is_what_the_next_driver_reads(world, desk, phone, shot):
    world.station.status("preparing")
    label = world.station.connector().code
    phone.goto(f"/q/{label}")
    before = phone.locator("main").inner_text()
    assert "€0.60" not in before
    row = Tariff.objects.get(operator=world.operator)
    ocpi = copy.deepcopy(row.ocpi)
    component = ocpi["elements"][0]["price_components"][0]
    component.update({"price": 0.6, "vat": 0})
    desk.goto(f"/admin/billing/tariff/{row.pk}/change/")
    desk.fill("textarea[name=ocpi]", json.dumps(ocpi))
    if not desk.locator("[name=name]").input_value():
        desk.fill("[name=name]", "Standard")
    desk.locator("[name=_preview]").click()
    expect(desk.get_by_text("Preview: nothing is saved yet")).to_be_visible()
    assert Tariff.objects.get(pk=row.pk).ocpi == row.ocpi
    shot(desk, "console-tariff")
    desk.locator("[name=_save]").click()
    expect(desk.locator("#preview").get_by_text("As it is sold")).to_be_visible()
    phone.goto(f"/q/{label}")
    expect(phone.get_by_text("€0.60").first).to_be_visible()


def test_an_owner_gives_the_money_back_and_the_story_tells_it(world, desk, shot):
    order = world.closed()
    drain()
    desk.goto("/admin/settlement/payment/")
    desk.locator("[name=_selected_action]").first.check()
    desk.locator("[name=action]").first.select_option("refund_with_fee")
    desk.locator("button[name=index], [type=submit][name=index]").first.click()
    expect(desk.get_by_text("refunds were asked for").first).to_be_visible()
    assert Refund.objects.count() == 1
    drain()
    desk.goto(f"/admin/billing/order/by-number/{order.number}/")
    expect(desk.get_by_text("Given back")).to_be_visible()
    shot(desk, "console-refund")


def test_a_remote_start_is_asked_for_from_the_charge_points_page(world, desk, shot):
    row = world.station.connector().charge_point
    row.ocpp_version = "1.6"
    row.save(update_fields=["ocpp_version"])
    token = network.token(operator=world.operator)
    desk.goto(f"/admin/charge_points/chargepoint/{row.pk}/change/")
    desk.get_by_role("link", name="Send a command").first.click()
    desk.get_by_role("link", name="RemoteStartTransaction").click()
    payload = {"idTag": token, "connectorId": 1}
    desk.fill("[name=payload]", json.dumps(payload))
    desk.get_by_role("button", name="Send RemoteStartTransaction").click()
    if desk.locator("[name=confirmed]").count():
        desk.locator("[name=confirmed]").check()
        desk.get_by_role("button", name="Send RemoteStartTransaction").click()
    desk.wait_for_url("**/command/**")
    command = Command.objects.get(charge_point=row)
    assert (command.action, command.requested_by) == ("RemoteStartTransaction", OWNER)
    shot(desk, "console-command")


def test_two_operators_cannot_see_each_other(world, desk, context_of):
    other = accounts.operator("other")
    tariffs.tariff(other, tariffs.component(price="0.77", vat=19))
    theirs = network.station(other, "THEIRS-1")
    mine = world.station.identity
    order = world.closed()
    make_staff("other@example.org", other.pk)
    stranger = context_of(viewport=WIDE).new_page()
    log_in(stranger, "other@example.org")
    lists = (
        "/admin/charge_points/chargepoint/",
        "/admin/charge_points/connector/",
        "/admin/billing/order/",
        "/admin/billing/receipt/",
        "/admin/settlement/payment/",
        "/admin/settlement/ledgerentry/",
    )
    for path in ("/admin/", *lists):
        stranger.goto(path)
        text = stranger.locator("body").inner_text()
        assert mine not in text, path
        assert order.number not in text, path
    stranger.goto("/admin/charge_points/chargepoint/")
    expect(stranger.get_by_text("THEIRS-1").first).to_be_visible()
    desk.goto("/admin/charge_points/chargepoint/")
    expect(desk.get_by_text(mine).first).to_be_visible()
    assert "THEIRS-1" not in desk.locator("body").inner_text()
    refused = stranger.goto(
        f"/admin/charge_points/chargepoint/{world.station.id}/messages/"
    )
    assert refused.status in {302, 403, 404} or "/admin/" in stranger.url
    assert mine not in stranger.locator("body").inner_text()
    gone = stranger.goto(f"/admin/billing/order/by-number/{order.number}/")
    assert gone.status == 404
    assert desk.goto(f"/admin/charge_points/chargepoint/{theirs.id}/change/")
    assert "THEIRS-1" not in desk.locator("body").inner_text()


def test_the_console_is_used_by_keyboard_alone(world, desk):
    desk.goto("/admin/charge_points/chargepoint/")
    reached = None
    for _ in range(KEYBOARD_STEPS_MAX):
        desk.keyboard.press("Tab")
        reached = desk.evaluate(
            "() => { const e = document.activeElement; const s = getComputedStyle(e);"
            " return [e.tagName, e.textContent.trim(), e.closest('#result_list') !="
            " null, s.outlineStyle != 'none' || s.boxShadow != 'none'] }"
        )
        if reached[0] == "A" and reached[2] and world.station.identity in reached[1]:
            break
    assert reached[0] == "A"
    assert world.station.identity in reached[1]
    assert reached[3], "the focus is not visible"
    desk.keyboard.press("Enter")
    desk.wait_for_url("**/change/**")
