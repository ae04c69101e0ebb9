"""Late facts of billed charges, and whether every cent is where it belongs."""

from decimal import Decimal

from django.db.models import Sum
from django.utils import timezone

from billing.models import CreditNote, Receipt
from billing.services import progress
from charge_points.models import Transaction
from settlement.models import Correction, LedgerLine, Payment, Receivable
from settlement.services import refunds, verification
from settlement.tasks import sweep
from tests.integration.billing.pricing import fact
from tests.integration.billing.world import fresh, payment_of
from tests.outbox import drain

OPEN = Receivable.State.OPEN


def learn(order, energy_wh, **values) -> None:
    """The charge's energy is told otherwise; only the billing side is worked off."""
    Transaction.objects.filter(pk=order.transaction_id).update(
        energy_wh=Decimal(energy_wh), **values
    )
    progress.transaction_corrected(fact(order))


def corrected(order, energy_wh):
    """Late facts, and everything that follows from them."""
    learn(order, energy_wh)
    drain()
    return fresh(order)


def go_on() -> None:
    """What the schedule does with corrections that had to wait."""
    Correction.objects.filter(state="pending").update(next_try_at=timezone.now())
    sweep()
    drain()


def refund(order, amount, *, key="a", fee=True, work=True):
    view = refunds.request_refund(
        payment_id=payment_of(order).pk,
        amount_minor=amount,
        reason="cable was broken",
        refund_application_fee=fee,
        key=key,
        by="test",
        at=timezone.now(),
    )
    if work:
        drain()
    return view


def numbers(order):
    """Receipts and credit notes of an order: (number, amount) each, oldest first."""
    receipts = Receipt.objects.filter(order=order).order_by("pk")
    notes = CreditNote.objects.filter(order=order).order_by("pk")
    return (
        [(row.number, row.body["amount_minor"]) for row in receipts],
        [(row.receipt.number, row.amount_minor) for row in notes],
    )


def papers(order) -> int:
    """What the documents of an order come to."""
    receipts, notes = numbers(order)
    return sum(a for _, a in receipts) - sum(a for _, a in notes)


def kept(order) -> int:
    """What the driver paid and did not get back."""
    sums = Payment.objects.filter(order_number=order.number).aggregate(
        captured=Sum("captured_minor"), back=Sum("refunded_minor")
    )
    return (sums["captured"] or 0) - (sums["back"] or 0)


def owed(order) -> int:
    rows = Receivable.objects.filter(order_number=order.number, state=OPEN)
    return rows.aggregate(total=Sum("amount_minor"))["total"] or 0


def prove(order) -> None:
    """Documents, money and books say the same."""
    assert papers(order) == kept(order) + owed(order)
    report = verification.prove()
    assert report.ok, [check.problems for check in report.checks if not check.ok]
    lines = LedgerLine.objects.filter(
        entry__order_number=order.number,
        operator_id=order.operator_id,
        account__code__in=("session_revenue", "refunds"),
    )
    earned = -(lines.aggregate(total=Sum("amount_minor"))["total"] or 0)
    assert earned == papers(order)
    receipts = Receipt.objects.filter(operator_id=order.operator_id)
    assert sorted(row.number for row in receipts) == list(
        range(1, receipts.count() + 1)
    )
    for receipt in receipts:
        for row in receipt.body["taxes"]:
            back = sum(
                each["taxes_minor"]
                for note in CreditNote.objects.filter(receipt=receipt)
                for each in note.taxes
                if each["tax_rate"] == row["tax_rate"]
            )
            assert back <= row["taxes_minor"]
