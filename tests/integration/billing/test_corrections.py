"""Late facts change bills: new documents, and the money that follows them."""

import pytest
from django.utils import timezone

from billing.models import Order, Receipt
from billing.services import progress
from cpms.outbox import RetryLater
from settlement.models import Correction, Receivable, Refund
from settlement.services import corrections as money, receivables
from tests.factories import network
from tests.integration.billing.correcting import ended
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
from tests.integration.billing.world import MINUTE, fresh, payment_of
from tests.outbox import drain


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
    progress.transaction_ended(ended(fresh(order), charge))
    assert fresh(order).state == "RATED"
    learn(fresh(order), 12_000)
    drain()
    order = fresh(order)
    assert (order.state, order.payment_state) == ("CLOSED", "CAPTURED")
    assert numbers(order) == ([(1, 714)], [])
    assert (kept(order), owed(order), Refund.objects.count()) == (714, 0, 0)
    prove(order)


def test_several_corrections_in_a_row_end_at_the_last_price(world):
    order = world.closed()
    for energy_wh in (8000, 9000, 7000, 12_000, 11_000):
        order = corrected(order, energy_wh)
        prove(order)
    amounts = [595, 476, 536, 417, 714, 655]
    receipts, notes = numbers(order)
    assert receipts == list(enumerate(amounts, 1))
    assert notes == list(enumerate(amounts[:-1], 1))
    assert kept(order) + owed(order) == 655
    assert Correction.objects.exclude(state="done").count() == 0


def test_corrections_wait_for_each_other(world):
    """All are asked for before any money moves."""
    order = world.closed()
    for energy_wh in (8000, 4000, 9000, 6000):
        learn(order, energy_wh)
        order = fresh(order)
    for _ in range(4):
        drain()
        go_on()
    assert kept(order) + owed(order) == papers(order) == 357
    prove(order)


@pytest.mark.parametrize(
    ("refunded", "energy_wh", "back", "debt", "notes"),
    [
        # What was given back counts: only what is missing goes back.
        (100, 8000, 119, 0, [(1, 100), (1, 495)]),
        (119, 8000, 119, 0, [(1, 119), (1, 476)]),
        # More was given back than the bill fell: it stays given.
        (300, 8000, 300, 0, [(1, 300), (1, 295), (2, 181)]),
        # A higher bill asks for the difference, never for what was given back.
        (300, 12_000, 300, 119, [(1, 300), (1, 295), (2, 300)]),
        # Given back whole: nothing is left to correct.
        (595, 8000, 595, 0, [(1, 595)]),
        (595, 12_000, 595, 0, [(1, 595)]),
    ],
)
def test_a_correction_after_a_refund(world, refunded, energy_wh, back, debt, notes):
    order = world.closed()
    refund(order, refunded)
    order = corrected(order, energy_wh)
    assert payment_of(order).refunded_minor == back
    assert owed(order) == debt
    assert numbers(order)[1] == notes
    prove(order)


def test_a_refund_after_a_correction_is_credited_to_the_new_receipt(world):
    order = corrected(world.closed(), 8000)
    refund(order, 76)
    assert numbers(order)[1] == [(1, 595), (2, 76)]
    prove(order)
    order = corrected(order, 6000)
    assert numbers(order)[1] == [(1, 595), (2, 76), (2, 400)]
    assert kept(order) == 357
    prove(order)


def test_a_bill_waits_for_a_refund_that_is_on_its_way(world):
    order = world.closed()
    refund(order, 100, work=False)
    with pytest.raises(RetryLater):
        learn(order, 8000)
    order = fresh(order)
    assert order.cdrs.count() == 1
    drain()
    order = corrected(order, 8000)
    assert kept(order) == 476
    prove(order)


def test_what_a_correction_promised_cannot_be_refunded_to_somebody_else(world):
    order = world.closed()
    learn(order, 8000)
    view = refund(order, None, work=False)
    assert view.amount_minor == 476
    for _ in range(3):
        drain()
        go_on()
    assert (kept(order), papers(order)) == (0, 0)
    prove(order)


def test_the_same_facts_told_twice_change_the_bill_once(world):
    order = world.closed()
    learn(order, 8000)
    learn(order, 8000)
    drain()
    learn(order, 8000)
    drain()
    assert (Correction.objects.count(), Refund.objects.count()) == (1, 1)
    assert numbers(order) == ([(1, 595), (2, 476)], [(1, 595)])


def test_the_same_difference_is_asked_for_once_and_another_one_never(world):
    order = world.closed()
    asked = {
        "payment_id": order.payment_id,
        "key": "cdr-3",
        "reason": "late",
        "by": "test",
        "at": timezone.now(),
    }
    first = money.request(difference_minor=-100, **asked)
    assert money.request(difference_minor=-100, **asked) == first
    for difference, code in ((0, "nothing_to_correct"), (-1, "idempotency_key_reused")):
        with pytest.raises(money.UnableToCorrect) as refused:
            money.request(difference_minor=difference, **asked)
        assert refused.value.code == code


def test_a_bill_that_falls_to_nothing_gives_everything_back(world):
    order = corrected(world.closed(), 0)
    assert numbers(order) == ([(1, 595), (2, 0)], [(1, 595)])
    assert (kept(order), order.payment_state) == (0, "REFUNDED")
    prove(order)


def test_a_free_bill_that_rises_becomes_a_debt(world):
    order = corrected(world.closed(0), 10_000)
    assert numbers(order) == ([(1, 0), (2, 595)], [])
    assert (kept(order), owed(order)) == (0, 595)
    assert order.payment_state == "RECEIVABLE"
    prove(order)
    order = corrected(order, 0)
    assert (owed(order), order.payment_state) == (0, "RELEASED")
    prove(order)
    order = corrected(order, 5000)
    assert (owed(order), order.payment_state) == (298, "RECEIVABLE")
    prove(order)


def test_a_priced_order_whose_bill_falls_to_nothing_is_closed(world):
    order, charge = world.charging()
    charge.stop(10_000, charge.started_at + 30 * MINUTE)
    progress.transaction_ended(ended(fresh(order), charge))
    learn(fresh(order), 0)
    assert fresh(order).state == "CLOSED"
    for _ in range(2):
        drain()
        go_on()
    order = fresh(order)
    assert numbers(order) == ([(1, 0)], [])
    assert (kept(order), owed(order)) == (0, 0)
    prove(order)


@pytest.fixture
def owing(world):
    """A charge of a card without account: all of it is a debt."""
    charge = world.station.start(network.token(operator=world.operator))
    drain()
    world.finish(charge)
    order = Order.objects.get()
    assert (order.state, order.payment_state) == ("CLOSED", "RECEIVABLE")
    return order


def test_a_lower_bill_lowers_the_debt(world, owing):
    order = corrected(owing, 8000)
    assert (kept(order), owed(order), Refund.objects.count()) == (0, 476, 0)
    assert numbers(order) == ([(1, 595), (2, 476)], [(1, 595)])
    prove(order)
    order = corrected(order, 0)
    debt = Receivable.objects.get()
    assert (debt.state, order.payment_state) == ("corrected", "RELEASED")
    prove(order)


def test_a_higher_bill_raises_the_debt(world, owing):
    order = corrected(owing, 12_000)
    assert (Receivable.objects.count(), owed(order)) == (1, 714)
    prove(order)


def test_a_debt_that_was_written_off_stays_so(world, owing):
    receivables.write_off(
        receivable_id=Receivable.objects.get().pk, by="test", at=timezone.now()
    )
    order = corrected(owing, 8000)
    assert (kept(order), owed(order)) == (0, 0)
    row = Correction.objects.get()
    assert (row.state, row.moved_minor) == ("done", 0)
    assert row.note == "nothing was left to give back"
    order = corrected(order, 9000)
    assert owed(order) == 60


def test_a_debt_that_was_paid_is_given_back_from_where_it_was_paid(world):
    order = corrected(world.closed(), 12_000)
    receivables.collect(receivable_id=Receivable.objects.get().pk, at=timezone.now())
    # While it is being collected nobody changes what it says.
    learn(order, 13_000)
    correction = Correction.objects.latest("pk")
    assert not money.advance(correction_id=correction.pk, at=timezone.now())
    correction.refresh_from_db()
    assert correction.note == "the debt is being collected"
    drain()
    go_on()
    assert (kept(order), owed(order)) == (714, 60)
    prove(order)
    order = corrected(order, 1000)
    for _ in range(3):
        drain()
        go_on()
    assert (kept(order), owed(order)) == (60, 0)
    # The debt that was still open fell first, then the two payments gave back.
    assert sorted(Refund.objects.values_list("amount_minor", flat=True)) == [59, 595]
    prove(order)
