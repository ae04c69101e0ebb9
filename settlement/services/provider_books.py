"""The provider's side of the proof: asked afresh, compared with our books."""

from datetime import datetime
from typing import Final

from django.db.models import Sum

from settlement.models import (
    LedgerLine,
    PayeeAccount,
    Payment,
    ProviderTransaction,
    ReconciliationDifference,
)
from settlement.providers.base import ProviderError
from settlement.providers.registry import get_provider
from settlement.services import chart, reconciliation
from settlement.services.verification import Check, listed

EVENTS_MAX: Final = 10_000
# What may never happen on the platform's own account: somebody's session money, or
# money on its way to somebody.
FORBIDDEN: Final = ("payment_intent", "charge", "refund", "transfer", "dispute")


def prove(*, operator_id: int | None, at: datetime) -> list[Check]:
    """Ask the providers about every payee account and about the platform's own.

    Calls out over HTTP: not inside a database transaction.
    """
    accounts = PayeeAccount.objects.order_by("pk")
    if operator_id is not None:
        accounts = accounts.filter(operator_id=operator_id)
    answers: list[str] = []
    balances: list[str] = []
    captures: list[str] = []
    for account in accounts:
        try:
            reconciliation.reconcile(payee_account_id=account.pk, at=at)
        except ProviderError as error:
            answers.append(f"{account}: {error}")
            continue
        balances += _balances(account)
        captures += _captures(account)
    providers = set(accounts.values_list("provider", flat=True))
    platform = [problem for name in sorted(providers) for problem in _platform(name)]
    return [
        listed("providers answer", answers),
        listed("clearing accounts equal the providers' balances", balances),
        listed("the providers show every capture", captures),
        listed("reconciliation differences", _differences(operator_id)),
        listed("no session money on the platform's account", platform),
    ]


def _balances(account: PayeeAccount) -> list[str]:
    theirs = {
        row["currency"]: row["total"]
        for row in ProviderTransaction.objects.filter(payee_account=account)
        .values("currency")
        .annotate(total=Sum("net_minor"))
    }
    ours = {
        row["currency"]: row["total"]
        for row in LedgerLine.objects.filter(
            operator_id=account.operator_id,
            account__code=chart.clearing(account.provider, account.reference),
        )
        .values("currency")
        .annotate(total=Sum("amount_minor"))
    }
    return [
        f"{account}: the ledger says {ours.get(currency, 0)} {currency}, "
        f"the provider {theirs.get(currency, 0)}"
        for currency in sorted(theirs.keys() | ours.keys())
        if ours.get(currency, 0) != theirs.get(currency, 0)
    ]


def _captures(account: PayeeAccount) -> list[str]:
    shown = ProviderTransaction.objects.filter(
        payee_account=account, payment__isnull=False
    ).values("payment_id")
    rows = Payment.objects.filter(payee_account=account, captured_minor__gt=0).exclude(
        pk__in=shown
    )
    return [
        f"{account}: {row.order_number} was captured with {row.captured_minor} "
        f"{row.currency}, the provider does not show it"
        for row in rows
    ]


def _differences(operator_id: int | None) -> list[str]:
    rows = ReconciliationDifference.objects.filter(resolved_at__isnull=True)
    if operator_id is not None:
        rows = rows.filter(operator_id=operator_id)
    return [
        f"{row.kind} {row.reference}: ours {row.ours_minor}, theirs "
        f"{row.theirs_minor} {row.currency}"
        for row in rows
    ]


def _platform(name: str) -> list[str]:
    """Everything that ever happened on the platform's own account, as far as told."""
    try:
        events = get_provider(name).list_events(
            account=None, after=None, limit=EVENTS_MAX
        )
    except ProviderError as error:
        return [f"{name}: {error}"]
    return [
        f"{name}: {event.type} of {event.object_ref} on the platform's account"
        for event in events
        if event.account is None and event.object_type in FORBIDDEN
    ]
