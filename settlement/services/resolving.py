"""Differences to the provider's report, decided by somebody: each one is an entry.

What a difference turned out to be says which account stands against the clearing
account; afterwards the clearing account says what the provider's balance says.
"""

from datetime import datetime
from typing import ClassVar, Final

from django.db import transaction

from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError
from settlement.models import Payment, ProviderTransaction, ReconciliationDifference
from settlement.services import chart, ledger
from settlement.services.ledger import Posting

NOTE_CHARS_MAX: Final = 200

_KIND = ReconciliationDifference.Kind
_AS = ReconciliationDifference.Resolution

COUNTERS: Final = {
    _AS.PROVIDER_FEE: chart.PROVIDER_FEES,
    _AS.FOREIGN_CAPTURE: chart.SESSION_REVENUE,
    _AS.FOREIGN_REFUND: chart.REFUNDS,
    _AS.TRANSFER_TO_BANK: chart.BANK,
    _AS.WRITTEN_OFF: chart.BAD_DEBTS,
    _AS.OTHER: chart.PROVIDER_OTHER,
}


class UnableToResolve(DomainError):
    """The difference is closed already, is another operator's, or makes no sense."""

    http_status: ClassVar[int] = 409


@transaction.atomic
def resolve_by_hand(
    *,
    difference_id: int,
    by: str,
    at: datetime,
    resolution: str = _AS.OTHER,
    note: str = "",
) -> None:
    """Post what a difference turned out to be, and close it.

    Args:
        difference_id: the work item.
        by: who decided.
        at: now.
        resolution: one of ``COUNTERS``.
        note: why, for the auditor.

    Raises:
        UnableToResolve: ``no_open_difference`` or ``unknown_resolution``.
    """
    row, line = _locked(difference_id)
    counter = COUNTERS.get(_AS(resolution)) if resolution in set(_AS) else None
    if counter is None:
        known = ", ".join(sorted(COUNTERS))
        raise UnableToResolve(
            "unknown_resolution", f"{resolution!r} is not one of {known}."
        )
    row.entry_id = _post(row, line, counter, at)
    row.resolved_at, row.resolved_as = at, resolution
    row.resolved_by = by[:120]
    row.resolution = (note or f"settled by hand: {by}")[:NOTE_CHARS_MAX]
    row.save()
    audit.record(
        operator_id=row.operator_id,
        actor=by,
        action="difference.resolved",
        object=f"{row.kind} {row.reference}",
        changes={
            "ours_minor": row.ours_minor,
            "theirs_minor": row.theirs_minor,
            "resolution": str(resolution),
            "entry": row.entry_id,
        },
        at=at,
    )


def _locked(
    difference_id: int,
) -> tuple[ReconciliationDifference, ProviderTransaction | None]:
    """An open difference, and the line that nothing of ours explains.

    The line is locked first, as matching does: matched meanwhile, the difference is
    closed, and nothing is posted twice.
    """
    rows = ReconciliationDifference.objects.filter(
        pk=difference_id, resolved_at__isnull=True
    )
    line = (
        ProviderTransaction.objects.select_for_update()
        .filter(
            payee_account_id__in=rows.values("payee_account_id"),
            reference__in=rows.filter(kind=_KIND.MISSING_HERE).values("reference"),
        )
        .first()
    )
    row = rows.select_for_update(of=("self",)).select_related("payee_account").first()
    if row is None:
        raise UnableToResolve(
            "no_open_difference", f"There is no open difference {difference_id} here."
        )
    return row, line


def _post(
    row: ReconciliationDifference,
    line: ProviderTransaction | None,
    counter: str,
    at: datetime,
) -> int | None:
    """By how much the clearing account has to move to say what the provider says."""
    amount_minor = _clearing_change(row, line, at)
    if amount_minor == 0:
        return None
    account = row.payee_account
    clearing = chart.clearing(account.provider, account.reference)
    posting = Posting(
        operator_id=row.operator_id,
        source="difference.resolved",
        key=f"{row.pk}",
        effective_at=at,
        order_number=row.order_number,
        lines=(
            (clearing, row.currency, amount_minor),
            (counter, row.currency, -amount_minor),
        ),
    )
    return ledger.post_many([posting])[0]


def _clearing_change(
    row: ReconciliationDifference, line: ProviderTransaction | None, at: datetime
) -> int:
    ours, theirs = row.ours_minor or 0, row.theirs_minor or 0
    if row.kind == _KIND.MISSING_HERE:
        assert line is not None, "a difference of this kind is about a copied line"
        line.matched_at = at
        line.save(update_fields=["matched_at"])
        return line.net_minor
    if row.kind == _KIND.AMOUNT_DIFFERS:
        return theirs - ours
    if row.kind == _KIND.FEE_DIFFERS:
        return ours - theirs
    payment = Payment.objects.get(
        payee_account_id=row.payee_account_id, provider_ref=row.reference
    )
    return payment.application_fee_minor - payment.captured_minor
