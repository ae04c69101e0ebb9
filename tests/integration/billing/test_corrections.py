"""Late facts change bills: new documents, and the money that follows them."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from billing.models import Order, Receipt
from billing.services import moves, progress, rating, reviewing
from charge_points.models import Transaction
from cpms.accounts.models import AuditEntry
from cpms.outbox import RetryLater
from cpms.outbox.models import Delivery
from settlement.models import (
    Correction,
    Dispute,
    PaymentAttempt,
    Receivable,
    Refund,
    SplitLine,
)
from settlement.services import (
    corrections as money,
    receivables,
    refunds,
    verification,
    webhooks,
)
from tests.factories import accounts, money as accounts_money, network, tariffs
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
from tests.integration.billing.test_own_key_starts import save_card_at
from tests.integration.billing.world import MINUTE, World, fresh, payment_of
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
    progress.transaction_ended(_ended(fresh(order), charge))
    learn(fresh(order), 0)
    assert fresh(order).state == "CLOSED"
    for _ in range(2):
        drain()
        go_on()
    order = fresh(order)
    assert numbers(order) == ([(1, 0)], [])
    assert (kept(order), owed(order)) == (0, 0)
    prove(order)


# -- debts ---------------------------------------------------------------------------


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


# -- when something is in the way ------------------------------------------------------


@pytest.fixture
def disputed(world):
    order = world.closed()
    world.psp.control("disputes", {"payment_intent": payment_of(order).provider_ref})
    hear(world)
    assert fresh(order).payment_state == "DISPUTED"
    return fresh(order)


def hear(world):
    webhooks.poll(payee_account_id=world.account.pk, at=timezone.now())
    drain()


@pytest.mark.parametrize(
    ("outcome", "state", "note"),
    [
        # This provider refunds no charge that was ever charged back: a person pays.
        ("won", "stuck", "has been charged back"),
        ("lost", "done", "the payer's bank had taken everything back"),
    ],
)
def test_money_of_a_disputed_payment_waits_for_the_bank(
    world, disputed, outcome, state, note
):
    order = corrected(disputed, 8000)
    assert numbers(order) == ([(1, 595), (2, 476)], [(1, 595)])
    row = Correction.objects.get()
    assert (row.state, row.note) == (
        "pending",
        "the payer's bank decides about a dispute",
    )
    dispute = Dispute.objects.get()
    world.psp.control(f"disputes/{dispute.provider_ref}", {"outcome": outcome})
    hear(world)
    go_on()
    row.refresh_from_db()
    assert (row.state, row.moved_minor) == (state, 0)
    assert note in row.note
    assert payment_of(order).refunded_minor == 0
    assert verification.prove().ok


def test_a_disputed_bill_rises_only_when_a_person_says_so(world, disputed):
    order = corrected(disputed, 12_000)
    assert order.correction_reason.endswith("but the payment is disputed.")
    assert (order.amount_minor, order.cdrs.count(), owed(order)) == (595, 1, 0)
    order = decide(order)
    assert (order.correction_reason, order.amount_minor) == ("", 714)
    assert owed(order) == 119


def test_a_refund_that_the_provider_refuses_waits_for_a_person(world):
    order = world.closed()
    world.psp.fault("error_stored", path="/v1/refunds", status=400, times=1)
    order = corrected(order, 8000)
    row = Correction.objects.get()
    assert row.state == "stuck"
    assert row.note.startswith("the refund failed")
    assert kept(order) == 595
    go_on()
    assert Refund.objects.count() == 1
    money.try_again(correction_id=row.pk, by="finance", at=timezone.now())
    drain()
    row.refresh_from_db()
    assert (row.state, kept(order)) == ("done", 476)
    prove(order)
    with pytest.raises(money.UnableToCorrect):
        money.try_again(correction_id=row.pk, by="finance", at=timezone.now())
    with pytest.raises(money.UnableToCorrect):
        money.settle_elsewhere(
            correction_id=row.pk, note="", by="finance", at=timezone.now()
        )


def test_what_was_settled_elsewhere_is_over(world):
    order = world.closed()
    world.psp.fault("error_stored", path="/v1/refunds", status=400, times=1)
    order = corrected(order, 8000)
    row = Correction.objects.get()
    money.settle_elsewhere(
        correction_id=row.pk, note="paid in cash", by="finance", at=timezone.now()
    )
    row.refresh_from_db()
    assert (row.state, row.note) == ("done", "settled elsewhere: paid in cash")
    assert AuditEntry.objects.filter(actor="finance").count() == 1


def test_a_lost_event_is_made_good_by_the_sweep(world):
    """The worker died before anything moved, and its event is gone."""
    order = world.closed()
    learn(order, 8000)
    Delivery.objects.filter(state="pending").update(state="done")
    assert kept(order) == 595
    go_on()
    assert kept(order) == 476
    prove(order)


def test_a_crash_between_the_steps_changes_nothing_twice(world, monkeypatch):
    order = world.closed()
    learn(order, 8000)
    asked = refunds.of_correction

    def killed(*args, **named):
        asked(*args, **named)
        raise RuntimeError("killed")

    monkeypatch.setattr(refunds, "of_correction", killed)
    drain()
    assert Refund.objects.count() == 0
    monkeypatch.undo()
    drain()
    # Killed again, after the provider gave the money back and before we wrote it down.
    assert (Refund.objects.count(), kept(order)) == (1, 476)
    prove(order)


@pytest.mark.parametrize("kind", ["lost_answer", "error_after", "refuse"])
def test_an_answer_that_is_lost_gives_back_once(world, kind):
    order = world.closed()
    world.psp.fault(kind, path="/v1/refunds", times=1)
    learn(order, 8000)
    drain()
    Delivery.objects.filter(state="pending").update(due_at=timezone.now())
    PaymentAttempt.objects.update(next_try_at=timezone.now())
    drain()
    go_on()
    assert (kept(order), world.books()["refunded_minor"]) == (476, 119)
    prove(order)


# -- who decides -----------------------------------------------------------------------


def test_a_meter_that_cannot_be_believed_changes_no_bill_by_itself(world):
    order = world.closed()
    learn(order, 400, review_reason="the register went backwards")
    drain()
    order = fresh(order)
    assert order.correction_reason.endswith("but: the register went backwards")
    assert order.moves.filter(cause=order.correction_reason).count() == 1
    learn(order, 400, review_reason="the register went backwards")
    assert order.moves.filter(cause=order.correction_reason).count() == 1
    assert (order.amount_minor, Correction.objects.count()) == (595, 0)
    order = decide(order)
    assert (order.amount_minor, kept(order), order.correction_reason) == (24, 24, "")
    prove(order)


def test_more_than_the_driver_was_told_of_needs_a_person(world):
    order = world.closed()
    too_much = order.hold_minor * 10_000 // 595 + 2000
    order = corrected(order, too_much)
    assert "the driver was told of" in order.correction_reason
    assert Receipt.objects.count() == 1
    # What the person states is billed, and later facts do not undo it.
    order = decide(order, 11_000)
    assert (order.amount_minor, owed(order)) == (655, 60)
    order = corrected(order, 3000)
    assert order.amount_minor == 655
    prove(order)


def test_facts_that_cannot_be_priced_wait_for_a_person(world, monkeypatch):
    order = world.closed()
    Transaction.objects.update(started_at=timezone.now() - timedelta(days=400))
    order = corrected(order, 8000)
    assert order.correction_reason.startswith("cannot be priced")
    assert order.amount_minor == 595


def test_a_person_states_the_energy_of_a_closed_order(world):
    order = decide(world.closed(), 5000)
    assert (order.amount_minor, kept(order)) == (298, 298)
    assert order.moves.filter(actor="staff", cause__contains="5000 Wh").exists()
    assert Refund.objects.get().requested_by == "staff"
    # The same once more is no change.
    order = decide(order, 5000)
    assert Receipt.objects.count() == 2
    prove(order)


def test_an_unplug_that_is_told_late_ends_the_idle_fee(world):
    tariffs.tariff(world.operator, *IDLE, code="IDLE")
    order, charge = world.charging()
    world.finish(charge, unplug=False)
    later = timezone.now() + timedelta(hours=13)
    with transaction.atomic():
        rating.rate_if_complete(moves.lock(order.number), at=later)
    PaymentAttempt.objects.update(next_try_at=timezone.now())
    drain()
    order = fresh(order)
    assert order.state == "CLOSED"
    before = order.amount_minor
    progress.unplugged(fact(order, at=(order.ended_at + 30 * MINUTE).isoformat()))
    drain()
    go_on()
    order = fresh(order)
    assert order.amount_minor == 800 < before
    prove(order)


def test_with_an_own_key_the_fee_that_is_owed_falls_and_rises_too(own):
    order = corrected(own.closed(), 8000)
    prove(order)
    assert (kept(order), order.amount_minor) == (476, 476)
    order = corrected(order, 12_000)
    prove(order)
    assert (kept(order), owed(order)) == (476, 238)
    fees = SplitLine.objects.filter(role="platform").aggregate(sum=Sum("amount_minor"))
    assert fees["sum"] == 24


@pytest.fixture
def own(db, psp):
    """An operator with a key of its own."""
    operator = accounts.operator()
    account = accounts_money.own_key_account(psp, operator)
    accounts_money.split(operator, ("platform", "platform", 500))
    tariffs.tariff(operator, tariffs.component(price="0.50", vat=19))
    person = accounts.driver()
    save_card_at(account, person.driver)
    return World(psp, operator, account, network.station(operator), person)
