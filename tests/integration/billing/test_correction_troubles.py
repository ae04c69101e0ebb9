"""Corrections of bills when something is in the way, and who decides."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from billing.models import Receipt
from billing.services import moves, progress, rating
from charge_points.models import Transaction
from cpms.accounts.models import AuditEntry
from cpms.outbox.models import Delivery
from settlement.models import Correction, Dispute, PaymentAttempt, Refund, SplitLine
from settlement.services import (
    correction_refunds,
    corrections as money,
    disputes,
    verification,
    webhooks,
)
from tests.factories import accounts, money as accounts_money, network, tariffs
from tests.integration.billing.correcting import decide
from tests.integration.billing.late_facts import (
    corrected,
    go_on,
    kept,
    learn,
    numbers,
    owed,
    prove,
)
from tests.integration.billing.pricing import IDLE, fact
from tests.integration.billing.test_own_key_starts import save_card_at
from tests.integration.billing.world import MINUTE, World, fresh, payment_of
from tests.outbox import drain


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
    ("outcome", "moved", "note"),
    [
        ("won", 119, ""),
        ("lost", 0, "the payer's bank had taken everything back"),
    ],
)
def test_money_of_a_disputed_payment_waits_for_the_bank(
    world, disputed, outcome, moved, note
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
    assert (row.state, row.moved_minor, row.note) == ("done", moved, note)
    assert payment_of(order).refunded_minor == moved
    assert world.books()["refunded_minor"] == moved
    if moved:
        prove(order)
    assert verification.prove().ok


def opened_there(world, order):
    """A dispute that nobody told us of yet."""
    world.psp.control("disputes", {"payment_intent": payment_of(order).provider_ref})


def test_a_refund_refused_for_a_dispute_that_is_not_heard_of_yet_waits_for_it(world):
    order = world.closed()
    opened_there(world, order)
    corrected(order, 8000)
    row = Correction.objects.get()
    assert (row.state, row.note) == ("pending", "the payer's bank disputes it")
    hear(world)
    go_on()
    row.refresh_from_db()
    assert row.note == "the payer's bank decides about a dispute"
    dispute = Dispute.objects.get()
    world.psp.control(f"disputes/{dispute.provider_ref}", {"outcome": "won"})
    hear(world)
    go_on()
    row.refresh_from_db()
    assert (row.state, row.moved_minor) == ("done", 119)
    assert sorted(row.refunds.values_list("state", flat=True)) == [
        "failed",
        "succeeded",
    ]
    prove(order)


def test_a_dispute_that_is_never_heard_of_comes_to_a_person(world):
    order = world.closed()
    opened_there(world, order)
    corrected(order, 8000)
    for _ in range(correction_refunds.DISPUTED_REFUNDS_MAX + 1):
        go_on()
    row = Correction.objects.get()
    assert row.state == "stuck"
    assert row.refunds.count() == correction_refunds.DISPUTED_REFUNDS_MAX


def test_a_provider_that_refunds_no_charge_that_was_disputed_leaves_it_to_a_person(
    world, disputed
):
    """The work list says why, and what to do."""
    corrected(disputed, 8000)
    # The provider goes on refusing, whatever the bank decided.
    disputes.win(dispute_id=Dispute.objects.get().pk, at=timezone.now())
    go_on()
    row = Correction.objects.get()
    assert (row.state, row.moved_minor) == ("stuck", 0)
    assert row.note.startswith("the refund failed (charge_disputed)")
    assert row.note.endswith("Pay it back another way and say so here.")
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
    assert row.note.endswith("or pay it back another way and say so here.")
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
    asked = correction_refunds.ask

    def killed(*args, **named):
        asked(*args, **named)
        raise RuntimeError("killed")

    monkeypatch.setattr(correction_refunds, "ask", killed)
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
