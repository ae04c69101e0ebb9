"""What drivers are told of: one notice a fact, in the outbox."""

import pytest
from django.utils import timezone

from billing.models import Order
from billing.services import notices
from cpms.outbox.models import EventRecord
from tests.factories import network, tariffs
from tests.integration.billing.world import fresh
from tests.outbox import drain


def told(*topics):
    rows = EventRecord.objects.filter(topic__in=topics or notices.TOPICS)
    return [(row.topic, row.payload) for row in rows.order_by("pk")]


def topics():
    return [topic for topic, _ in told()]


def test_a_charge_is_told_from_request_to_receipt(world):
    order = world.closed()
    assert topics() == [
        "ChargeRequested",
        "ChargeStarted",
        "ChargeStopped",
        "ReceiptReady",
    ]
    for _, payload in told():
        assert payload["order_number"] == order.number
        assert payload["driver_id"] == world.driver.pk
    (_, stopped), (_, ready) = told("ChargeStopped", "ReceiptReady")
    assert stopped["energy_wh"] == 10_000
    assert ready["amount_minor"] == 595


@pytest.mark.parametrize("costs", [True, False])
def test_who_stays_plugged_in_is_warned_where_that_costs(world, costs):
    if costs:
        tariffs.tariff(
            world.operator,
            tariffs.component("PARKING_TIME", "6.00"),
            code="IDLE",
            charge_point=world.station.identity,
        )
    _, charge = world.charging()
    world.finish(charge, unplug=False)
    assert ("IdleFeeSoon" in topics()) is costs


def test_a_declined_hold_is_told_once(world):
    world.card("insufficient_funds")
    order = world.claimed()
    ((_, payload),) = told("PaymentFailed")
    assert payload["order_number"] == order.number
    assert "declined" in payload["reason"]


def test_a_debt_is_told_with_its_pay_link(world):
    world.station.start(network.token("CARD", driver=world.driver))
    world.card("insufficient_funds")
    charge = None
    drain()
    order = Order.objects.get()
    charge = network.Charge(
        world.station,
        1,
        str(order.transaction_id),
        order.transaction_id,
        "Accepted",
        1000,
        order.started_at,
    )
    charge.ocpp_id = charge.row.ocpp_id
    world.finish(charge)
    assert fresh(order).payment_state == "RECEIVABLE"
    payload = told("PaymentFailed")[-1][1]
    assert payload["amount_minor"] == 595
    assert "/pay/" in payload["pay_url"]


def test_a_notice_needs_the_transaction_of_its_fact(world):
    order = world.claimed()
    before = len(told())
    notices.tell(notices.CHARGE_STARTED, order, at=timezone.now().isoformat())
    assert len(told()) == before + 1
