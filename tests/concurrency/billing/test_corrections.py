"""A bill is corrected while others move its money: every cent once."""

import pytest
from django.db import transaction
from django.utils import timezone

from billing.models import Order, Receipt
from billing.services import progress, reviewing
from charge_points.models import Transaction
from cpms.outbox.models import Delivery
from settlement.models import Correction, PaymentAttempt, Receivable
from settlement.services import (
    corrections,
    payments,
    receivables,
    refunds,
)
from tests.concurrency.billing.test_races import errors
from tests.concurrency.charge_points.racing import race
from tests.integration.billing.late_facts import go_on, kept, owed, papers, prove
from tests.integration.billing.pricing import fact
from tests.integration.billing.world import fresh, payment_of
from tests.outbox import drain

pytestmark = pytest.mark.integration


def late(order):
    """The event of late facts, as a worker gets it: again when it must wait."""

    def deed():
        with transaction.atomic():
            progress.transaction_corrected(fact(order))

    return deed


def rest() -> None:
    """Everything comes to its end."""
    for _ in range(5):
        PaymentAttempt.objects.update(next_try_at=timezone.now())
        drain()
        go_on()
    assert not Correction.objects.exclude(state="done").exists()
    assert not Delivery.objects.exclude(state="done").exists()


def test_the_same_late_facts_told_to_many_change_the_bill_once(world):
    order = world.closed()
    Transaction.objects.update(energy_wh=8000)
    assert not errors(race(*[late(order)] * 6))
    rest()
    assert [row.number for row in Receipt.objects.order_by("pk")] == [1, 2]
    assert (kept(order), Correction.objects.count()) == (476, 1)
    prove(order)


def test_a_refund_and_a_correction_at_once_give_back_no_cent_twice(world):
    """Whoever comes first: what the driver keeps paying is what the papers say."""
    for number in range(4):
        order = world.closed()
        Transaction.objects.filter(pk=order.transaction_id).update(energy_wh=8000)

        def ask(order=order, number=number):
            return refunds.request_refund(
                payment_id=payment_of(order).pk,
                amount_minor=None if number % 2 else 300,
                reason="goodwill",
                refund_application_fee=True,
                key="race",
                by="test",
                at=timezone.now(),
            )

        results = race(ask, late(order))
        # The one that came second may have been sent away; it comes again.
        for result in errors(results):
            assert isinstance(result, payments.UnableToRefund | progress.RetryLater)
        drain()
        late(fresh(order))()
        rest()
        assert papers(order) == kept(order) + owed(order)
        assert fresh(order).amount_minor == 476
        prove(order)
        world.station.status("available")


def test_many_workers_advance_a_correction_and_ask_for_one_refund(world):
    order = world.closed()
    Transaction.objects.update(energy_wh=8000)
    late(order)()
    row = Correction.objects.get()

    def advance():
        return corrections.advance(correction_id=row.pk, at=timezone.now())

    assert not errors(race(*[advance] * 6))
    assert row.refunds.count() == 1
    rest()
    assert (row.refunds.count(), kept(order)) == (1, 476)
    prove(order)


def test_a_debt_is_collected_and_corrected_at_once(world):
    order = world.closed()
    Transaction.objects.update(energy_wh=12_000)
    late(order)()
    drain()
    debt = Receivable.objects.get()
    Transaction.objects.update(energy_wh=9000)
    late(order)()
    row = Correction.objects.latest("pk")

    def collect():
        return receivables.collect(receivable_id=debt.pk, at=timezone.now())

    def advance():
        return corrections.advance(correction_id=row.pk, at=timezone.now())

    race(collect, advance)
    rest()
    assert kept(order) + owed(order) == papers(order) == 536
    prove(order)


def test_two_people_decide_at_once_and_one_after_the_other(world):
    order = world.closed()

    def decide(energy_wh):
        return lambda: reviewing.decide(
            number=order.number,
            energy_wh=energy_wh,
            note="read again",
            by="staff",
            at=timezone.now(),
        )

    assert not errors(race(decide(8000), decide(9000), decide(7000)))
    rest()
    order = Order.objects.get()
    assert Receipt.objects.count() == 4
    assert order.amount_minor == papers(order) == kept(order) + owed(order)
    prove(order)
