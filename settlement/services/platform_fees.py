"""The platform's fees of operators with an own key: a monthly invoice, never a debit.

With an own key nobody can take the platform's share; it stands as a payable in the
operator's own ledger until the operator pays the month's invoice from its own bank.
"""

from datetime import UTC, date, datetime, timedelta
from typing import ClassVar

from django.db import transaction
from django.db.models import Count, Sum

from cpms.accounts.models import Operator
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError
from settlement.models import PayeeAccount, PlatformInvoice, SplitLine
from settlement.services import ledger, postings
from settlement.services.splits import PLATFORM


class UnableToSettleInvoice(DomainError):
    """There is no such open invoice."""

    http_status: ClassVar[int] = 404


def issue(*, month_start_date: date, at: datetime) -> int:
    """Invoice what every operator with an own key owes up to the end of a month.

    What was refunded lowers it; late facts of earlier months come with the next
    invoice; a month that owes nothing has none. Returns how many are new.
    """
    following = (month_start_date.replace(day=1) + timedelta(days=32)).replace(day=1)
    until = datetime(following.year, following.month, 1, tzinfo=UTC)
    rows = (
        SplitLine.objects.filter(
            payment__mode=PayeeAccount.Mode.OWN_KEY, role=PLATFORM, at__lt=until
        )
        .order_by("operator_id", "currency")
        .values_list("operator_id", "currency")
        .annotate(Sum("amount_minor"), Count("payment_id", distinct=True))
    )
    month = month_start_date.replace(day=1)
    return sum(
        _issue(operator_id, currency, total, charges, month, at)
        for operator_id, currency, total, charges in list(rows)
    )


@transaction.atomic
def _issue(
    operator_id: int,
    currency: str,
    total_minor: int,
    charges: int,
    month: date,
    at: datetime,
) -> bool:
    operator = Operator.objects.select_for_update().get(pk=operator_id)
    known = PlatformInvoice.objects.filter(operator=operator, currency=currency)
    earlier = known.filter(month_start_date__lt=month).aggregate(
        fee=Sum("fee_minor"), charges=Sum("charges")
    )
    fee_minor = total_minor - (earlier["fee"] or 0)
    if known.filter(month_start_date__gte=month).exists() or fee_minor <= 0:
        return False
    invoice = PlatformInvoice.objects.create(
        operator=operator,
        number=f"{operator.code}-{month:%Y-%m}-{currency}",
        month_start_date=month,
        currency=currency,
        fee_minor=fee_minor,
        charges=max(0, charges - (earlier["charges"] or 0)),
        issued_at=at,
    )
    ledger.post_many([postings.of_platform_invoice(invoice, at)])
    return True


@transaction.atomic
def mark_paid(*, invoice_id: int, by: str, at: datetime) -> None:
    """The operator's transfer arrived at the platform's bank.

    Raises:
        UnableToSettleInvoice: there is no such open invoice.
    """
    invoice = (
        PlatformInvoice.objects.select_for_update()
        .filter(pk=invoice_id, state=PlatformInvoice.State.OPEN)
        .first()
    )
    if invoice is None:
        raise UnableToSettleInvoice(
            "no_open_invoice", f"There is no open platform invoice {invoice_id}."
        )
    invoice.state, invoice.paid_at = PlatformInvoice.State.PAID, at
    invoice.paid_by = by[:120]
    invoice.save(update_fields=["state", "paid_at", "paid_by"])
    ledger.post_many(postings.of_platform_invoice_paid(invoice, at))
    audit.record(
        operator_id=invoice.operator_id,
        actor=by,
        action="platform_invoice.paid",
        object=f"platform invoice {invoice.number}",
        changes={"fee_minor": invoice.fee_minor, "currency": invoice.currency},
        at=at,
    )
