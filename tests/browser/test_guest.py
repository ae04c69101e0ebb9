"""From the QR code to the receipt, with nothing but a phone."""

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import expect

from billing.models import Order
from settlement.services import holds
from tests.outbox import drain

GOOD_CARD = "4242424242424242"


def pay_as_guest(phone, shot):
    """From the offer to the charge's own page, over the provider's page."""
    pay = phone.get_by_role("button", name="Pay and start")
    expect(pay).to_be_visible()
    shot(phone, "offer")
    phone.get_by_label("E-mail").fill("guest@example.org")
    pay.click()
    expect(phone.get_by_text("Preparing the payment")).to_be_visible()
    drain()
    phone.wait_for_url("**/hosted/**")
    phone.locator("[name=card_number]").fill(GOOD_CARD)
    phone.get_by_role("button").first.click()
    phone.wait_for_url("**/live/**")
    order = Order.objects.get()
    assert (order.contact_email, order.started_by) == ("guest@example.org", "guest")
    holds.refresh(payment_id=order.payment_id, at=timezone.now())
    drain()
    expect(phone.get_by_text("Starting the charge")).to_be_visible()
    return order


def test_a_guest_pays_follows_stops_and_gets_the_receipt(world, phone, shot):
    label = world.station.connector().code
    phone.goto(f"/q/{label}")
    expect(phone.get_by_text("Plug in first")).to_be_visible()
    shot(phone, "plug-in")

    world.station.status("preparing")
    order = pay_as_guest(phone, shot)
    charge = world.station.start(order.number, timezone.now() - timedelta(minutes=21))
    drain()
    for minute in range(1, 20):
        charge.meter(
            minute * 350,
            charge.started_at + timedelta(minutes=minute),
            power_w=21_000 - 400 * minute,
        )
    expect(phone.get_by_role("button", name="Stop charging")).to_be_visible()
    expect(phone.locator("[data-live=energy]")).to_have_text("6.65")
    shot(phone, "charging")
    phone.set_viewport_size({"width": 1280, "height": 900})
    shot(phone, "charging-wide")
    phone.set_viewport_size({"width": 390, "height": 844})

    phone.get_by_role("button", name="Stop charging").click()
    world.finish(charge, 6_800, minutes=20)
    expect(phone.get_by_role("link", name="Show the receipt")).to_be_visible()
    shot(phone, "finished")
    phone.get_by_role("link", name="Show the receipt").click()
    expect(phone.get_by_text("€4.05").first).to_be_visible()
    shot(phone, "receipt")
