"""A disputed payment has its evidence before anybody asks for it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import Order
from billing.models.order import StartedBy
from billing.services import evidence
from settlement.models import Dispute
from settlement.services import disputes, webhooks
from tests.integration.billing.world import fresh, payment_of
from tests.outbox import drain


@pytest.fixture
def disputed(world):
    order, charge = world.charging()
    for minutes, energy_wh in ((10, 3000), (20, 7000)):
        charge.meter(energy_wh, charge.started_at + timedelta(minutes=minutes))
    world.finish(charge)
    payment = payment_of(order)
    world.psp.control("disputes", {"payment_intent": payment.provider_ref})
    webhooks.poll(payee_account_id=world.account.pk, at=timezone.now())
    drain()
    return order, Dispute.objects.get()


def test_the_pack_says_what_was_delivered_where_and_to_whom(world, disputed):
    order, dispute = disputed
    pack = dispute.evidence

    assert "10.000 kWh" in pack["product_description"]
    assert world.station.identity in pack["product_description"]
    assert pack["customer_email"] == world.driver.email
    assert "register 1000 Wh to 11000 Wh" in pack["activity_log"]
    assert "charging certificate" in pack["activity_log"]
    assert order.number in pack["activity_log"]
    # A unit price without taxes times the energy is the price before them.
    price = "Energy: 10.0000 kWh at 0.5000: 5.0000 before taxes, 5.9500 with taxes"
    assert price in pack["text"]
    assert "Total 5.95 EUR" in pack["text"]
    disputes.submit(dispute_id=dispute.pk, by="test", at=timezone.now())


def test_a_dispute_that_was_answered_meanwhile_is_left_alone(disputed):
    order, dispute = disputed
    Dispute.objects.update(state="submitted", evidence={})
    assert not evidence.gather(order_number=order.number, dispute_id=dispute.pk)
    assert not evidence.gather(order_number="X", dispute_id=dispute.pk)
    assert Dispute.objects.get().evidence == {}


@pytest.mark.parametrize("started_by", StartedBy.values)
def test_a_bank_reads_in_words_how_the_charge_was_begun(disputed, started_by):
    order, dispute = disputed
    Order.objects.filter(pk=order.pk).update(started_by=started_by)
    assert evidence.gather(order_number=order.number, dispute_id=dispute.pk)
    dispute.refresh_from_db()
    told = dispute.evidence["activity_log"]
    assert f": {started_by}" not in told
    assert order.number in told


@pytest.mark.parametrize(
    ("outcome", "state"), [("won", "CAPTURED"), ("lost", "DISPUTED")]
)
def test_the_order_follows_what_the_bank_decided(world, disputed, outcome, state):
    order, dispute = disputed
    assert fresh(order).payment_state == "DISPUTED"
    world.psp.control(f"disputes/{dispute.provider_ref}", {"outcome": outcome})
    webhooks.poll(payee_account_id=world.account.pk, at=timezone.now())
    drain()
    assert payment_of(order).state == state
    assert fresh(order).payment_state == state
