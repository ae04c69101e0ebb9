"""What a line of the provider's report stands for, and what it posts.

Captures and refunds are in the books already: of them only the provider's own fee is
posted. Payouts, disputes and other fees are posted from the report.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from settlement.models import (
    Dispute,
    Payment,
    ProviderTransaction,
    Refund,
)
from settlement.services import chart, ledger, postings
from settlement.services.ledger import Posting

CAPTURE_TYPES: Final = frozenset({"charge", "payment"})
REFUND_TYPES: Final = frozenset({"refund", "payment_refund"})
PAYOUT_TYPES: Final = frozenset({"payout", "payout_failure", "payout_cancel"})
FEE_TYPES: Final = frozenset({"stripe_fee", "network_cost", "tax_fee"})
ADJUSTMENT: Final = "adjustment"


@dataclass(frozen=True, slots=True)
class Found:
    """The explanation of a line: our row, and what the line should say."""

    payment_id: int | None = None
    refund_id: int | None = None
    amount_minor: int | None = None
    application_fee_minor: int | None = None


def explain(lines: Sequence[ProviderTransaction]) -> dict[int, Found]:
    """Explain what can be explained, and post what only the report knows.

    Returns:
        Line id -> explanation; lines without one are missing here.
    """
    found: dict[int, Found] = {}
    posted: list[Posting] = []
    found |= _captures(_of(lines, CAPTURE_TYPES), posted)
    found |= _refunds(_of(lines, REFUND_TYPES), posted)
    found |= _disputes(_of(lines, {ADJUSTMENT}), posted)
    for line in _of(lines, PAYOUT_TYPES):
        posted += _posting(line, chart.BANK, line.net_minor)
        found[line.pk] = Found()
    for line in _of(lines, FEE_TYPES):
        posted += _posting(line, chart.PROVIDER_FEES, line.net_minor)
        found[line.pk] = Found()
    ledger.post_many(posted)
    return found


def _of(
    lines: Iterable[ProviderTransaction], types: Iterable[str]
) -> list[ProviderTransaction]:
    wanted = set(types)
    return [line for line in lines if line.type in wanted]


def _posting(
    line: ProviderTransaction, counter: str, amount_minor: int, order_number: str = ""
) -> list[Posting]:
    if amount_minor == 0:
        return []
    return [postings.of_provider_line(line, counter, amount_minor, order_number)]


def _captures(
    lines: Sequence[ProviderTransaction], posted: list[Posting]
) -> dict[int, Found]:
    payments = {
        payment.charge_ref: payment
        for payment in Payment.objects.filter(
            payee_account_id__in={line.payee_account_id for line in lines},
            charge_ref__in=[line.source_ref for line in lines if line.source_ref],
            captured_minor__gt=0,
        )
    }
    found = {}
    for line in lines:
        payment = payments.get(line.source_ref)
        if payment is None:
            continue
        posted += _posting(
            line, chart.PROVIDER_FEES, -line.provider_fee_minor, payment.order_number
        )
        found[line.pk] = Found(
            payment_id=payment.pk,
            amount_minor=payment.captured_minor,
            application_fee_minor=payment.application_fee_minor,
        )
    return found


def _refunds(
    lines: Sequence[ProviderTransaction], posted: list[Posting]
) -> dict[int, Found]:
    rows = Refund.objects.filter(
        payment__payee_account_id__in={line.payee_account_id for line in lines},
        state=Refund.State.SUCCEEDED,
    ).select_related("payment")
    named = {
        refund.provider_ref: refund
        for refund in rows.filter(
            provider_ref__in=[line.source_ref for line in lines if line.source_ref]
        )
    }
    # Made in the provider's own pages: we know the amount, not the reference.
    nameless = list(rows.filter(provider_ref="")) if len(named) < len(lines) else []
    found = {}
    for line in lines:
        refund = named.get(line.source_ref) or _adopt(line, nameless)
        if refund is None:
            continue
        posted += _posting(
            line,
            chart.PROVIDER_FEES,
            -line.provider_fee_minor,
            refund.payment.order_number,
        )
        found[line.pk] = Found(
            payment_id=refund.payment_id,
            refund_id=refund.pk,
            amount_minor=-refund.amount_minor,
            application_fee_minor=-refund.application_fee_refunded_minor,
        )
    return found


def _adopt(line: ProviderTransaction, nameless: list[Refund]) -> Refund | None:
    for refund in nameless:
        same_account = refund.payment.payee_account_id == line.payee_account_id
        if same_account and refund.amount_minor == -line.amount_minor:
            nameless.remove(refund)
            refund.provider_ref = line.source_ref
            refund.save(update_fields=["provider_ref"])
            return refund
    return None


def _disputes(
    lines: Sequence[ProviderTransaction], posted: list[Posting]
) -> dict[int, Found]:
    disputes = {
        dispute.provider_ref: dispute
        for dispute in Dispute.objects.filter(
            payment__payee_account_id__in={line.payee_account_id for line in lines},
            provider_ref__in=[line.source_ref for line in lines if line.source_ref],
        ).select_related("payment")
    }
    found = {}
    for line in lines:
        dispute = disputes.get(line.source_ref)
        if dispute is None:
            continue
        order = dispute.payment.order_number
        posted += _posting(line, chart.DISPUTES, line.amount_minor, order)
        posted += _posting(line, chart.PROVIDER_FEES, -line.provider_fee_minor, order)
        found[line.pk] = Found(payment_id=dispute.payment_id)
    return found


def won_disputes(payee_account_id: int) -> list[int]:
    """Open disputes of an account whose money its report shows coming back."""
    came_back = ProviderTransaction.objects.filter(
        payee_account_id=payee_account_id, type=ADJUSTMENT, amount_minor__gt=0
    )
    rows = Dispute.objects.filter(
        payment__payee_account_id=payee_account_id,
        closed_at__isnull=True,
        provider_ref__in=came_back.values("source_ref"),
    )
    return list(rows.order_by("pk").values_list("pk", flat=True))
