"""From the certificate to the receipt, against the provider simulator."""

from decimal import Decimal

import pytest
from django.utils import timezone

from billing.models import Order, Receipt
from charge_points.models import StartHandle
from charge_points.services import transactions
from charge_points.services.facts import Sample, TransactionFact
from settlement.services import verification
from tests.integration.billing.world import (
    MINUTE,
    fresh,
    make_world,
    moves_of,
    payment_of,
)
from tests.outbox import drain


def test_a_charge_by_certificate_is_captured_on_the_operators_account(world):
    order = world.closed(energy_wh=10_000)
    assert (order.state, order.payment_state) == ("CLOSED", "CAPTURED")
    assert (order.energy_wh, order.amount_minor) == (10_000, 595)
    payment = payment_of(order)
    assert payment.account_reference == world.account.reference
    assert (payment.captured_minor, payment.application_fee_minor) == (595, 30)
    assert moves_of(fresh(order)) == [
        "CREATED",
        "payment AUTHORIZING",
        "payment AUTHORIZED",
        "STARTING",
        "CHARGING",
        "FINISHED",
        "RATED",
        "payment CAPTURING",
        "payment CAPTURED",
        "CLOSED",
    ]
    assert Receipt.objects.get(order=order).number == 1


@pytest.fixture
def events(world):
    """Tell TransactionEvents (2.0.1) of the world's station."""

    def tell(seq_no, kind, at, **values):
        fact = TransactionFact(
            **world.station.who,
            event_type=kind,
            ocpp_id="tx-1",
            seq_no=seq_no,
            occurred_at=at,
            received_at=at,
            evse=1,
            connector=1,
            payload_hash=str(seq_no),
            **values,
        )
        return transactions.apply_events([fact])[0]

    return tell


def register(at, energy_wh):
    return (Sample(at, Decimal(energy_wh)),)


@pytest.mark.parametrize("named", ["token", "remote start"])
def test_a_2_0_1_charge_that_began_with_the_cable_gets_its_order_later(
    world, events, named
):
    began = timezone.now()
    events(
        0,
        "Started",
        began,
        trigger_reason="CablePluggedIn",
        charging_state="EVConnected",
        samples=register(began, 5000),
    )
    drain()
    assert not Order.objects.exists()
    order = world.claimed()
    handle = StartHandle.objects.get()
    told = {"remote_start_id": handle.pk}
    if named == "token":
        told["id_token"], told["id_token_type"] = order.number, "Central"
    answer = events(1, "Updated", began + MINUTE, trigger_reason="RemoteStart", **told)
    if named == "token":
        assert answer.authorization.status == "Accepted"
    drain()
    order = fresh(order)
    assert order.state == "CHARGING"
    assert Order.objects.count() == 1
    ends_at = began + 30 * MINUTE
    events(
        2,
        "Ended",
        ends_at,
        trigger_reason="EVCommunicationLost",
        charging_state="Idle",
        stopped_reason="EVDisconnected",
        samples=register(ends_at, 15_000),
    )
    drain()
    order = fresh(order)
    assert (order.state, order.payment_state, order.amount_minor) == (
        "CLOSED",
        "CAPTURED",
        595,
    )
    assert order.unplugged_at == ends_at


def test_two_operators_are_each_paid_on_their_own_account(world, psp):
    """One driver, one card, two operators: nothing passes through the platform."""
    other = make_world(psp, price="0.30")
    orders = []
    for shop in (world, other):
        shop.person = world.person
        orders.append(shop.closed())
    accounts = [payment_of(order).account_reference for order in orders]
    assert accounts == [world.account.reference, other.account.reference]
    assert [order.amount_minor for order in orders] == [595, 357]
    assert world.books()["captured_minor"] == 595
    assert other.books()["captured_minor"] == 357
    assert verification.prove().ok
