"""The rows of an order's money are locked in one order, whoever comes first.

Each pair of deeds is run in both orders behind a row that both need: whoever locks the
rows in another order than the one in docs/explanation/money.md fails here every time.
"""

import pytest
from django.db import transaction
from django.utils import timezone

from cpms.outbox.delivery import deliver
from cpms.outbox.models import Delivery
from settlement.models import (
    Correction,
    Dispute,
    Payment,
    PaymentAttempt,
    ProviderTransaction,
    Receivable,
    ReconciliationDifference,
)
from settlement.providers.registry import get_provider
from settlement.services import (
    captures,
    corrections,
    holds,
    looks,
    outcomes,
    payments,
    receivables,
    reconciliation,
    resolving,
)
from settlement.services.moves import locked
from tests.concurrency.settlement.in_line import in_line
from tests.integration.settlement.shop import proved, settle
from tests.integration.settlement.test_checkouts import debt_of
from tests.integration.settlement.test_disputes import hear
from tests.integration.settlement.test_late_money import give_up, linked, pay
from tests.integration.settlement.test_reconciliation import clearing
from tests.outbox import drain

pytestmark = pytest.mark.integration
BOTH_WAYS = pytest.mark.parametrize("swapped", [False, True])


def lined_up(held, deeds, *, swapped):
    """Run two deeds behind a row in one order or the other; nothing may fail."""
    results = in_line(held, *(reversed(deeds) if swapped else deeds))
    assert not [r for r in results if isinstance(r, Exception)], results


def refresh(payment):
    return lambda: holds.refresh(payment_id=payment.pk, at=timezone.now())


def difference(payment, minor, key="k"):
    """A bill that changed; its money was not moved yet."""
    view = corrections.request(
        payment_id=payment.pk,
        difference_minor=minor,
        key=key,
        reason="late facts",
        by="test",
        at=timezone.now(),
    )
    return Correction.objects.get(pk=view.id)


def advance(row):
    return lambda: corrections.advance(correction_id=row.pk, at=timezone.now())


def rest():
    """Everything comes to its end."""
    for _ in range(4):
        Correction.objects.filter(state="pending").update(next_try_at=timezone.now())
        corrections.sweep(at=timezone.now())
        settle()


def captured_elsewhere(payment, minor):
    get_provider("stripe").capture(
        account=payment.account_reference,
        payment_ref=payment.provider_ref,
        amount_minor=minor,
        application_fee_minor=0,
        idempotency_key=f"elsewhere-{payment.pk}",
    )


@transaction.atomic
def lost(payment, due):
    """The hold is given up while money is due: a debt."""
    row = locked(payment.pk)
    row.due_minor = due
    captures.released(row, reason="the hold is gone", at=timezone.now())


@transaction.atomic
def gave_up(link):
    give_up(link)


# -- late money and corrections -----------------------------------------------------


@BOTH_WAYS
def test_late_money_and_a_correction_of_its_debt(shop, swapped):
    payment = shop.hold()
    captured_elsewhere(payment, 700)
    lost(payment, 700)
    row = difference(payment, -200)
    lined_up(
        Receivable.objects.all(), [advance(row), refresh(payment)], swapped=swapped
    )
    rest()
    debt, books = Receivable.objects.get(), shop.books()
    kept = books["captured_minor"] - books["refunded_minor"]
    # The one that came first decides whether the money was still what was owed.
    if swapped:
        assert (debt.state, kept) == ("paid", 500)
    else:
        assert (debt.state, debt.amount_minor, kept) == ("open", 500, 0)
    assert not Correction.objects.exclude(state="done").exists()
    proved()


@BOTH_WAYS
def test_late_money_on_a_pay_page_and_a_correction_of_its_debt(shop, swapped):
    debt = debt_of(shop)
    link = linked(shop, debt)
    pay(shop, link)
    gave_up(link)
    row = difference(debt.payment, 300)
    lined_up(Receivable.objects.all(), [advance(row), refresh(link)], swapped=swapped)
    rest()
    open_debts = Receivable.objects.filter(state="open")
    books = shop.books()
    kept = books["captured_minor"] - books["refunded_minor"]
    assert kept + sum(each.amount_minor for each in open_debts) == 1300
    proved()


@BOTH_WAYS
def test_two_pages_of_a_debt_paid_at_once(shop, swapped):
    debt = debt_of(shop)
    first = linked(shop, debt)
    gave_up(first)
    second = linked(shop, debt)
    pay(shop, first)
    pay(shop, second)
    lined_up(
        Receivable.objects.all(), [refresh(first), refresh(second)], swapped=swapped
    )
    rest()
    debt.refresh_from_db()
    assert debt.state == "paid"
    paid = Payment.objects.filter(captured_minor__gt=0)
    assert sorted(row.refunded_minor for row in paid) == [0, 1000]
    proved()


@BOTH_WAYS
def test_late_money_and_a_collection_of_its_debt(shop, swapped):
    payment = shop.hold()
    captured_elsewhere(payment, 700)
    lost(payment, 700)
    debt = Receivable.objects.get()

    def collect():
        try:
            receivables.collect(receivable_id=debt.pk, at=timezone.now())
        except receivables.UnableToCollect as refused:
            # It was paid meanwhile.
            return refused.code
        return "asked"

    lined_up(Receivable.objects.all(), [collect, refresh(payment)], swapped=swapped)
    rest()
    debt.refresh_from_db()
    books = shop.books()
    assert debt.state == "paid"
    assert books["captured_minor"] - books["refunded_minor"] == 700
    proved()


@BOTH_WAYS
def test_a_collection_that_is_answered_and_a_correction_of_its_debt(shop, swapped):
    debt = debt_of(shop)
    link = linked(shop, debt)
    pay(shop, link)
    row = difference(debt.payment, -300)
    lined_up(Receivable.objects.all(), [advance(row), refresh(link)], swapped=swapped)
    rest()
    books = shop.books()
    assert books["captured_minor"] - books["refunded_minor"] == 700
    assert not Correction.objects.exclude(state="done").exists()
    proved()


@pytest.mark.parametrize(("minor", "owed"), [(-400, 600), (400, 1400)])
def test_a_correction_counts_on_the_debt_that_was_opened_while_it_waited(
    shop, minor, owed
):
    """More was due than the hold: the capture that is answered first leaves a debt."""
    payment = shop.hold()
    payments.request_capture(
        payment_id=payment.pk, amount_minor=6000, at=timezone.now()
    )
    PaymentAttempt.objects.filter(kind="capture").update(tries=1, state="in_flight")
    captured_elsewhere(payment, 5000)
    row = difference(payment, -400)
    assert row.state == "pending"
    Correction.objects.update(difference_minor=minor)
    known = shop.intent(payment)

    @transaction.atomic
    def answered():
        return outcomes.apply(
            locked(payment.pk), known, cause="answered", at=timezone.now()
        )

    results = in_line(Payment.objects.filter(pk=payment.pk), answered, advance(row))
    assert results == [True, True]
    debt = Receivable.objects.get()
    assert (debt.amount_minor, debt.state) == (owed, "open")
    proved()


# -- several orders -----------------------------------------------------------------


def test_corrections_that_are_told_together_hold_one_order_at_a_time(shop):
    """Else two workers, or one and those who make bills, could wait in a circle."""
    first, second = shop.captured(1000), shop.captured(1000)
    rows = [difference(each, -100) for each in (first, second)]
    queued = Delivery.objects.filter(
        subscriber="settlement.corrections", state="pending"
    )
    ids = list(queued.order_by("pk").values_list("pk", flat=True))
    assert len(ids) == 2

    def someone_else():
        with transaction.atomic():
            free = Payment.objects.select_for_update(nowait=True)
            return free.get(pk=first.pk).pk

    results = in_line(
        Payment.objects.filter(pk=second.pk),
        lambda: deliver("settlement.corrections", ids),
        someone_else,
    )
    assert results == [2, first.pk]
    rest()
    for row in rows:
        row.refresh_from_db()
        assert (row.state, row.moved_minor) == ("done", 100)
    proved()


# -- disputes and the provider's report ---------------------------------------------


@BOTH_WAYS
@pytest.mark.parametrize("held", [Payment, Dispute])
def test_a_dispute_won_by_the_report_and_by_its_event(shop, held, swapped):
    payment = shop.captured(1000)
    shop.psp.control("disputes", {"payment_intent": payment.provider_ref})
    hear(shop)
    dispute = Dispute.objects.get()
    shop.psp.control(f"disputes/{dispute.provider_ref}", {"outcome": "won"})
    reconciliation.pull(payee_account_id=shop.account.pk, at=timezone.now())

    def match():
        reconciliation.match(payee_account_id=shop.account.pk, at=timezone.now())

    def look():
        looks.look_at_dispute(dispute_id=dispute.pk, at=timezone.now())

    lined_up(held.objects.all(), [match, look], swapped=swapped)
    dispute.refresh_from_db()
    assert (dispute.state, dispute.payment.state) == ("won", "CAPTURED")
    drain()
    proved()


@BOTH_WAYS
def test_a_difference_explained_while_a_person_decides_it(shop, swapped):
    """The dispute is heard of after its line was copied; then somebody looks again."""
    payment = shop.captured(1000)
    shop.psp.control("disputes", {"payment_intent": payment.provider_ref})
    reconciliation.reconcile(payee_account_id=shop.account.pk, at=timezone.now())
    row = ReconciliationDifference.objects.get(kind="missing_here")
    hear(shop)

    def match():
        reconciliation.match(payee_account_id=shop.account.pk, at=timezone.now())

    def decide():
        try:
            resolving.resolve_by_hand(
                difference_id=row.pk, by="staff", at=timezone.now()
            )
        except resolving.UnableToResolve as refused:
            return refused.code
        return "decided"

    line = ProviderTransaction.objects.filter(reference=row.reference)
    lined_up(line, [match, decide], swapped=swapped)
    row.refresh_from_db()
    assert row.resolved_as == ("other" if swapped else "agreed")
    # Once, whoever explained it.
    assert clearing(shop) == shop.books()["balance_minor"]
    proved()
