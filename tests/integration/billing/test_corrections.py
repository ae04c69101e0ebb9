"""Late facts change bills: new documents, and the money that follows them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import CreditNote, Order, Receipt
from billing.services import corrections, progress, reviewing
from billing.tasks import sweep_rated
from charge_points.models import Transaction
from cpms.outbox import RetryLater
from settlement.models import Correction, Dispute, Payment, Receivable, Refund
from settlement.services import (
    corrections as money,
    disputes,
    receivables,
    refunds,
)
from settlement.services.moves import locked
from tests.factories import tariffs
from tests.factories.accounts import driver_with_card
from tests.integration.billing.late_facts import (
    corrected,
    go_on,
    kept,
    learn,
    numbers,
    owed,
    papers,
    prove,
    refund,
)
from tests.integration.billing.pricing import IDLE, fact
from tests.integration.billing.world import MINUTE, api, fresh, payment_of
from tests.outbox import drain


def decide(order, energy_wh=None):
    reviewing.decide(
        number=order.number,
        energy_wh=energy_wh,
        note="looked at the meter",
        by="staff",
        at=timezone.now(),
    )
    drain()
    return fresh(order)


def test_a_lower_bill_gives_the_difference_back_by_itself(world):
    order = corrected(world.closed(), 8000)
    assert order.amount_minor == 476
    assert numbers(order) == ([(1, 595), (2, 476)], [(1, 595)])
    assert (kept(order), owed(order)) == (476, 0)
    assert order.payment_state == "PARTLY_REFUNDED"
    payment, row = payment_of(order), Refund.objects.get()
    assert (row.amount_minor, row.refund_application_fee) == (119, True)
    # The platform keeps its share of what is left and nothing else.
    assert payment.application_fee_minor - payment.application_fee_refunded_minor == 24
    assert world.books()["refunded_minor"] == 119
    assert Correction.objects.get().state == "done"
    first, second = Receipt.objects.order_by("number")
    assert (second.corrects, first.corrected_by) == (first, second)
    prove(order)


def test_a_higher_bill_becomes_a_debt_that_is_collected(world):
    order = corrected(world.closed(), 12_000)
    assert numbers(order) == ([(1, 595), (2, 714)], [(1, 595)])
    assert (kept(order), owed(order)) == (595, 119)
    prove(order)
    receivables.collect(receivable_id=Receivable.objects.get().pk, at=timezone.now())
    drain()
    assert (kept(order), owed(order)) == (714, 0)
    prove(order)


def test_a_higher_bill_is_taken_of_the_hold_while_nothing_is_captured(world):
    order, charge = world.charging()
    charge.stop(10_000, charge.started_at + 30 * MINUTE)
    # Priced, but no worker has asked for the capture yet.
    progress.transaction_ended(_ended(fresh(order), charge))
    assert fresh(order).state == "RATED"
    learn(fresh(order), 12_000)
    drain()
    order = fresh(order)
    assert (order.state, order.payment_state) == ("CLOSED", "CAPTURED")
    assert numbers(order) == ([(1, 714)], [])
    assert (kept(order), owed(order), Refund.objects.count()) == (714, 0, 0)
    prove(order)


def _ended(order, charge):
    row = Transaction.objects.get(pk=order.transaction_id)
    payload = {
        "transaction_id": row.pk,
        "energy_wh": 10_000,
        "ended_at": (charge.started_at + 30 * MINUTE).isoformat(),
    }
    now = timezone.now()
    return progress.Fact(payload, order.operator_id, now, now)
