"""What a fact of settlement means in the books. Pure: rows in, postings out."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from settlement.models import (
    PLATFORM_BOOK,
    Correction,
    PayeeAccount,
    Payment,
    PlatformInvoice,
    ProviderTransaction,
    Receivable,
    Refund,
)
from settlement.services import chart
from settlement.services.ledger import Line, Posting
from settlement.services.splits import OPERATOR, PLATFORM, SplitShare


def _lines(currency: str, amounts: Iterable[tuple[str, int]]) -> tuple[Line, ...]:
    return tuple((code, currency, amount) for code, amount in amounts if amount)


def _share_lines(
    payment: Payment, shares: Sequence[SplitShare]
) -> list[tuple[str, int]]:
    """Shares of third parties: the operator's cost, and what it owes them.

    With an operator's own key the platform is one of them.
    """
    lines = []
    for share in shares:
        if share.role == PLATFORM and payment.mode == PayeeAccount.Mode.OWN_KEY:
            lines.append((chart.PLATFORM_FEES, share.amount_minor))
            lines.append((chart.payable(chart.PLATFORM_PARTY), -share.amount_minor))
        if share.role in {OPERATOR, PLATFORM}:
            continue
        lines.append((chart.split_cost(share.key), share.amount_minor))
        lines.append((chart.payable(share.key), -share.amount_minor))
    return lines


def _platform(payment: Payment, key: str, fee_minor: int, at: datetime) -> Posting:
    """The platform's fee in the platform's own book; negative when it goes back."""
    return Posting(
        operator_id=PLATFORM_BOOK,
        source="platform.application_fee",
        key=key,
        effective_at=at,
        order_number=payment.order_number,
        lines=_lines(
            payment.currency,
            [
                (chart.platform_clearing(payment.provider), fee_minor),
                (chart.APPLICATION_FEES, -fee_minor),
            ],
        ),
    )


def of_capture(
    payment: Payment, shares: Sequence[SplitShare], at: datetime
) -> list[Posting]:
    """Money on the operator's own account, less the platform's fee."""
    key = f"{payment.order_number}-{payment.sequence}"
    fee = payment.application_fee_minor
    earned = (
        chart.SESSION_REVENUE
        if payment.collects_id is None
        else chart.DRIVER_RECEIVABLES
    )
    own = Posting(
        operator_id=payment.operator_id,
        source="payment.capture",
        key=key,
        effective_at=at,
        order_number=payment.order_number,
        lines=_lines(
            payment.currency,
            [
                (chart.clearing_of(payment), payment.captured_minor - fee),
                (chart.PLATFORM_FEES, fee),
                (earned, -payment.captured_minor),
                *_share_lines(payment, shares),
            ],
        ),
    )
    return [own, _platform(payment, key, fee, at)] if fee else [own]


def of_refund(
    payment: Payment, refund: Refund, deltas: Sequence[SplitShare], at: datetime
) -> list[Posting]:
    """Money back to the payer; the platform's fee with it as far as agreed."""
    key = f"{payment.order_number}-{payment.sequence}-refund-{refund.pk}"
    fee = refund.application_fee_refunded_minor
    own = Posting(
        operator_id=payment.operator_id,
        source="payment.refund",
        key=key,
        effective_at=at,
        order_number=payment.order_number,
        lines=_lines(
            payment.currency,
            [
                (chart.REFUNDS, refund.amount_minor),
                (chart.clearing_of(payment), fee - refund.amount_minor),
                (chart.PLATFORM_FEES, -fee),
                *_share_lines(payment, deltas),
            ],
        ),
    )
    return [own, _platform(payment, key, -fee, at)] if fee else [own]


def of_receivable(debt: Receivable, at: datetime) -> Posting:
    """The driver owes the operator."""
    return Posting(
        operator_id=debt.operator_id,
        source="receivable.opened",
        key=f"{debt.order_number}-{debt.pk}",
        effective_at=at,
        order_number=debt.order_number,
        lines=_lines(
            debt.currency,
            [
                (chart.DRIVER_RECEIVABLES, debt.amount_minor),
                (chart.SESSION_REVENUE, -debt.amount_minor),
            ],
        ),
    )


def of_debt_change(
    debt: Receivable, by_minor: int, correction: Correction, at: datetime
) -> Posting:
    """The driver owes more, or less, than the bill said before it was corrected."""
    return Posting(
        operator_id=debt.operator_id,
        source="receivable.corrected",
        key=f"{debt.order_number}-{debt.pk}-correction-{correction.pk}",
        effective_at=at,
        order_number=debt.order_number,
        lines=_lines(
            debt.currency,
            [
                (chart.DRIVER_RECEIVABLES, by_minor),
                (chart.SESSION_REVENUE, -by_minor),
            ],
        ),
    )


def of_write_off(debt: Receivable, at: datetime) -> Posting:
    """The operator gives a debt up."""
    return Posting(
        operator_id=debt.operator_id,
        source="receivable.written_off",
        key=f"{debt.order_number}-{debt.pk}",
        effective_at=at,
        order_number=debt.order_number,
        lines=_lines(
            debt.currency,
            [
                (chart.BAD_DEBTS, debt.amount_minor),
                (chart.DRIVER_RECEIVABLES, -debt.amount_minor),
            ],
        ),
    )


def of_provider_line(
    line: ProviderTransaction, counter: str, amount_minor: int, order_number: str
) -> Posting:
    """A line of the provider's report that no earlier posting holds.

    Args:
        line: the provider's line.
        counter: the account on the other side.
        amount_minor: by how much the clearing account grows.
        order_number: when it is known to which order it belongs.
    """
    account = line.payee_account
    return Posting(
        operator_id=line.operator_id,
        source=f"provider.{counter}",
        key=f"{account.provider}-{account.reference}-{line.reference}",
        effective_at=line.happened_at,
        order_number=order_number,
        lines=_lines(
            line.currency,
            [
                (chart.clearing(account.provider, account.reference), amount_minor),
                (counter, -amount_minor),
            ],
        ),
    )


def of_platform_invoice(invoice: PlatformInvoice, at: datetime) -> Posting:
    """The platform's own book: an operator with an own key owes a month's fees."""
    return Posting(
        operator_id=PLATFORM_BOOK,
        source="platform.invoice",
        key=invoice.number,
        effective_at=at,
        lines=_lines(
            invoice.currency,
            [
                (chart.PLATFORM_RECEIVABLES, invoice.fee_minor),
                (chart.APPLICATION_FEES, -invoice.fee_minor),
            ],
        ),
    )


def of_platform_invoice_paid(invoice: PlatformInvoice, at: datetime) -> list[Posting]:
    """The operator paid from its own bank account: both books."""
    fee = invoice.fee_minor
    own = Posting(
        operator_id=invoice.operator_id,
        source="platform.invoice_paid",
        key=invoice.number,
        effective_at=at,
        lines=_lines(
            invoice.currency,
            [(chart.payable(chart.PLATFORM_PARTY), fee), (chart.BANK, -fee)],
        ),
    )
    theirs = Posting(
        operator_id=PLATFORM_BOOK,
        source="platform.invoice_received",
        key=invoice.number,
        effective_at=at,
        lines=_lines(
            invoice.currency,
            [(chart.PLATFORM_BANK, fee), (chart.PLATFORM_RECEIVABLES, -fee)],
        ),
    )
    return [own, theirs]
