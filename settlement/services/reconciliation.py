"""The provider's report against our books: every line, nothing hidden.

``pull`` copies the lines of a payee account's balance, ``match`` explains each one by
a payment, a refund, a dispute, a payout or a fee; fees and payouts are posted from the
report. What stays unexplained is a difference, a work item until both sides agree.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import transaction

from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError
from cpms.outbox import publish
from settlement import events
from settlement.models import (
    PayeeAccount,
    Payment,
    ProviderTransaction,
    ReconciliationDifference,
)
from settlement.providers.base import ProviderBalanceTransaction
from settlement.services import disputes, explaining
from settlement.services.access import provider_for
from settlement.services.explaining import Found

PAGE: Final = 500
PAGES_MAX: Final = 200
MATCH_MAX: Final = 1_000
REPORT_AFTER: Final = timedelta(hours=24)
"""A capture that the provider's report does not show by then is missing there."""


class UnableToReconcile(DomainError):
    """There is no such payee account in the caller's scope."""

    http_status: ClassVar[int] = 404


_KIND = ReconciliationDifference.Kind
_AGREED = ReconciliationDifference.Resolution.AGREED


def pull(*, payee_account_id: int, at: datetime) -> int:
    """Copy the provider's new lines; returns how many.

    Asks the provider, so call it outside of a database transaction. A page and the
    place after it are written together: a killed run goes on where it was.

    Raises:
        ProviderError: the provider could not be asked.
    """
    account = PayeeAccount.objects.get(pk=payee_account_id)
    provider = provider_for(account.provider, account.reference)
    copied = 0
    for _ in range(PAGES_MAX):
        lines = provider.list_balance_transactions(
            account=account.reference, after=account.books_after or None, limit=PAGE
        )
        if lines:
            copied += _keep(account, lines, at)
        if len(lines) < PAGE:
            break
    return copied


@transaction.atomic
def _keep(
    account: PayeeAccount, lines: Sequence[ProviderBalanceTransaction], at: datetime
) -> int:
    rows = ProviderTransaction.objects.bulk_create(
        [
            ProviderTransaction(
                operator_id=account.operator_id,
                payee_account=account,
                reference=line.ref,
                type=line.type,
                source_ref=line.source_ref or "",
                amount_minor=line.amount_minor,
                provider_fee_minor=line.provider_fee_minor,
                application_fee_minor=line.application_fee_minor,
                net_minor=line.net_minor,
                currency=line.currency,
                happened_at=line.created_at,
                available_at=line.available_at,
                seen_at=at,
            )
            for line in lines
        ],
        ignore_conflicts=True,
    )
    account.books_after = lines[-1].ref
    account.save(update_fields=["books_after"])
    return len(rows)


def match(*, payee_account_id: int, at: datetime) -> int:
    """Explain the lines that nothing explains yet; returns how many were explained.

    Set-wise: the cost is the number of statements, not of lines.
    """
    explained, after = 0, 0
    while True:
        with transaction.atomic():
            lines = list(
                ProviderTransaction.objects.select_for_update(of=("self",))
                .select_related("payee_account")
                .filter(
                    payee_account_id=payee_account_id,
                    matched_at__isnull=True,
                    pk__gt=after,
                )
                .order_by("pk")[:MATCH_MAX]
            )
            if not lines:
                break
            explained += _match_batch(lines, at)
            after = lines[-1].pk
    # One a database transaction: it locks payments, and this has locked lines.
    for dispute_id in explaining.won_disputes(payee_account_id):
        disputes.win(dispute_id=dispute_id, at=at)
    return explained


def _match_batch(lines: Sequence[ProviderTransaction], at: datetime) -> int:
    found = explaining.explain(lines)
    matched = []
    for line in lines:
        explanation = found.get(line.pk)
        if explanation is None:
            _differ(line, _KIND.MISSING_HERE, None, line.amount_minor, at)
            continue
        line.payment_id, line.refund_id = explanation.payment_id, explanation.refund_id
        line.matched_at = at
        matched.append(line)
        _compare(line, explanation, at)
    ProviderTransaction.objects.bulk_update(
        matched, ["payment_id", "refund_id", "matched_at"]
    )
    _resolve(
        [line.reference for line in matched],
        lines[0].payee_account_id,
        (_KIND.MISSING_HERE,),
        at,
    )
    return len(matched)


def _compare(line: ProviderTransaction, explanation: Found, at: datetime) -> None:
    ours, fee = explanation.amount_minor, explanation.application_fee_minor
    if ours is not None and ours != line.amount_minor:
        _differ(line, _KIND.AMOUNT_DIFFERS, ours, line.amount_minor, at)
    if fee is not None and fee != line.application_fee_minor:
        _differ(line, _KIND.FEE_DIFFERS, fee, line.application_fee_minor, at)


def _differ(
    line: ProviderTransaction,
    kind: ReconciliationDifference.Kind,
    ours: int | None,
    theirs: int | None,
    at: datetime,
) -> None:
    ReconciliationDifference.objects.get_or_create(
        payee_account_id=line.payee_account_id,
        kind=kind,
        reference=line.reference,
        defaults={
            "operator_id": line.operator_id,
            "ours_minor": ours,
            "theirs_minor": theirs,
            "currency": line.currency,
            "found_at": at,
        },
    )


def _resolve(
    references: Iterable[str],
    payee_account_id: int,
    kinds: tuple[ReconciliationDifference.Kind, ...],
    at: datetime,
) -> None:
    ReconciliationDifference.objects.filter(
        payee_account_id=payee_account_id,
        kind__in=kinds,
        reference__in=list(references),
        resolved_at__isnull=True,
    ).update(resolved_at=at, resolution="both sides agree", resolved_as=_AGREED)


@transaction.atomic
def find_missing_there(*, payee_account_id: int, at: datetime) -> int:
    """Captures that the provider's report should show and does not.

    Returns:
        How many are missing now.
    """
    captures = Payment.objects.filter(
        payee_account_id=payee_account_id,
        captured_minor__gt=0,
        captured_at__lt=at - REPORT_AFTER,
    )
    shown = ProviderTransaction.objects.filter(
        payee_account_id=payee_account_id, payment_id__isnull=False, refund__isnull=True
    ).values("payment_id")
    known = ReconciliationDifference.objects.filter(
        payee_account_id=payee_account_id, kind=_KIND.MISSING_THERE
    )
    open_ones = known.filter(resolved_at__isnull=True).values("reference")
    _resolve(
        captures.filter(pk__in=shown, provider_ref__in=open_ones).values_list(
            "provider_ref", flat=True
        ),
        payee_account_id,
        (_KIND.MISSING_THERE,),
        at,
    )
    missing = captures.exclude(pk__in=shown)
    ReconciliationDifference.objects.bulk_create(
        [
            ReconciliationDifference(
                operator_id=payment.operator_id,
                payee_account_id=payee_account_id,
                kind=_KIND.MISSING_THERE,
                reference=payment.provider_ref,
                order_number=payment.order_number,
                ours_minor=payment.captured_minor,
                currency=payment.currency,
                found_at=at,
            )
            for payment in missing
        ],
        ignore_conflicts=True,
    )
    return missing.count()


def reconcile(*, payee_account_id: int, at: datetime) -> int:
    """The whole of it for one account; returns how many lines were explained.

    Raises:
        ProviderError: the provider could not be asked.
    """
    pull(payee_account_id=payee_account_id, at=at)
    explained = match(payee_account_id=payee_account_id, at=at)
    find_missing_there(payee_account_id=payee_account_id, at=at)
    return explained


@transaction.atomic
def ask(*, payee_account_id: int, by: str, at: datetime) -> None:
    """Have a worker compare an account with its provider's report now.

    Raises:
        UnableToReconcile: ``unknown_payee_account``.
    """
    account = PayeeAccount.objects.filter(pk=payee_account_id).first()
    if account is None:
        raise UnableToReconcile(
            "unknown_payee_account", f"There is no payee account {payee_account_id}."
        )
    publish(
        events.RECONCILIATION_QUEUED,
        operator_id=account.operator_id,
        key=account.reference,
        payload={"payee_account_id": account.pk},
    )
    audit.record(
        operator_id=account.operator_id,
        actor=by,
        action="reconciliation.asked",
        object=f"payee account {account.reference}",
        changes={},
        at=at,
    )
