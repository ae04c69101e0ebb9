"""Paying with the bank's question, a declined card, and with an account's card."""

from django.utils import timezone
from playwright.sync_api import expect

from billing.models import Order
from settlement.models import SetupPage
from settlement.services import holds, methods
from tests.outbox import drain

GOOD_CARD = "4242424242424242"
ASKS = "4000000000003220"
DECLINED = "4000000000000002"
PASSWORD = "a long enough passphrase"


def to_payment(world, phone):
    """A guest's start, up to the provider's page."""
    world.station.status("preparing")
    phone.goto(f"/q/{world.station.connector().code}")
    phone.get_by_role("button", name="Pay and start").click()
    expect(phone.get_by_text("Preparing the payment")).to_be_visible()
    drain()
    phone.wait_for_url("**/hosted/checkout/**")
    return Order.objects.get()


def give_card(phone, number):
    phone.locator("[name=card_number]").fill(number)
    phone.get_by_role("button").first.click()


def follow(order):
    """What the provider's event would bring."""
    holds.refresh(payment_id=order.payment_id, at=timezone.now())
    drain()


def test_the_banks_question_is_answered_and_the_charge_starts(world, phone, shot):
    order = to_payment(world, phone)
    give_card(phone, ASKS)
    phone.wait_for_url("**/3ds/**")
    phone.get_by_role("button").first.click()
    phone.wait_for_url("**/live/**")
    follow(order)
    expect(phone.get_by_text("Starting the charge")).to_be_visible()


def test_a_declined_card_stays_on_the_providers_page_and_another_one_pays(world, phone):
    order = to_payment(world, phone)
    give_card(phone, DECLINED)
    expect(phone.locator("[name=card_number]")).to_be_visible()
    give_card(phone, GOOD_CARD)
    phone.wait_for_url("**/live/**")
    follow(order)
    expect(phone.get_by_text("Starting the charge")).to_be_visible()


def test_who_comes_back_without_paying_finds_the_way_again_or_cancels(
    world, phone, shot
):
    to_payment(world, phone)
    phone.get_by_role("link", name="Cancel").click()
    phone.wait_for_url("**/live/**")
    expect(phone.get_by_role("link", name="Go to the payment")).to_be_visible()
    shot(phone, "waiting-for-payment")
    phone.get_by_role("button", name="Cancel").click()
    expect(phone.get_by_text("Cancelled before the start")).to_be_visible()
    shot(phone, "cancelled")
    phone.get_by_role("link", name="Try again").click()
    expect(phone.get_by_role("button", name="Pay and start")).to_be_visible()


def test_a_new_driver_saves_a_card_and_starts_with_it(world, phone, shot):
    phone.goto("/account/sign-up")
    phone.get_by_label("E-mail").fill("new.driver@example.org")
    phone.get_by_label("Password").fill(PASSWORD)
    phone.get_by_role("button", name="Open an account").click()
    phone.get_by_role("link", name="Payment").click()
    phone.get_by_role("button", name="Add a payment method").click()
    phone.wait_for_url("**/hosted/**")
    give_card(phone, GOOD_CARD)
    phone.wait_for_url("**/account/payment-methods**")
    expect(phone.get_by_text("•••• 4242")).to_be_visible()
    shot(phone, "card-saved")
    driver_id = SetupPage.objects.get().driver_id
    assert methods.default_for(driver_id) is not None

    world.station.status("preparing")
    phone.goto(f"/q/{world.station.connector().code}")
    phone.get_by_role("button", name="Start with my account").click()
    expect(phone.get_by_text("Preparing the payment")).to_be_visible()
    drain()
    expect(phone.get_by_text("Starting the charge")).to_be_visible()
    assert Order.objects.get().driver_id == driver_id
