"""Payee accounts: whose money it is, and whether the account can take it now."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction

from cpms.accounts.models import Operator
from cpms.accounts.services import audit
from cpms.accounts.services.sealing import seal
from cpms.accounts.tenancy import acting_for
from cpms.kernel.errors import DomainError
from cpms.kernel.money import minor_digits
from cpms.outbox import publish
from settlement import events
from settlement.models import PayeeAccount
from settlement.providers.base import AccountStatus, PaymentProvider, ProviderError
from settlement.providers.registry import (
    UnableToFindProvider,
    get_provider,
    own_key_provider,
)
from settlement.services.access import provider_for

REASON_CHARS_MAX: Final = 120


class UnableToResolvePayee(DomainError):
    """No account of the operator can take this payment; never another's instead."""


class UnableToRegisterPayee(DomainError):
    """The account is unknown to the provider, or taken."""


@dataclass(frozen=True, slots=True)
class PayeeSnapshot:
    """The payee of a payment, as of the start of the charge; JSON-able."""

    payee_account_id: int
    provider: str
    reference: str
    mode: str
    currency: str

    @property
    def cards_account(self) -> str:
        """Where drivers' cards must be saved: an own key knows only its own account.

        Empty: on the platform, which lends them to the account.
        """
        return self.reference if self.mode == PayeeAccount.Mode.OWN_KEY else ""


def snapshot(*, operator_id: int, currency: str, at: datetime) -> PayeeSnapshot:  # noqa: ARG001 - ``at``: accounts get a history with validity
    """Resolve the operator's account for a currency.

    Raises:
        UnableToResolvePayee: ``no_payee_account``, ``currency_mismatch`` or
            ``payee_account_blocked``; nothing may be charged.
    """
    accounts = list(
        PayeeAccount.objects.filter(operator_id=operator_id, is_default=True)
    )
    if not accounts:
        raise UnableToResolvePayee(
            "no_payee_account",
            "The operator of this charge point has no account that takes payments; "
            "it has to add one under payee accounts.",
        )
    account = next((a for a in accounts if a.currency == currency), None)
    if account is None:
        known = ", ".join(sorted(a.currency for a in accounts))
        raise UnableToResolvePayee(
            "currency_mismatch",
            f"The operator's account takes {known}, the charge is in {currency}; "
            "the tariff's currency or the payee account has to be changed.",
        )
    if not account.charges_enabled:
        raise UnableToResolvePayee(
            "payee_account_blocked",
            "The operator's account cannot take payments now "
            f"({account.disabled_reason or 'not yet confirmed by the provider'}); "
            "it has to complete the provider's onboarding.",
            requirements_due=list(account.requirements_due),
        )
    return PayeeSnapshot(
        account.pk, account.provider, account.reference, account.mode, account.currency
    )


@dataclass(frozen=True, slots=True)
class OwnKey:
    """An operator's own restricted key and its webhooks' secret; never shown."""

    api_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)


@transaction.atomic
def take_in(
    *,
    operator_id: int,
    provider: str,
    status: AccountStatus,
    by: str,
    at: datetime,
    own: OwnKey | None = None,
) -> PayeeAccount:
    """Register an account that the provider answered for.

    Raises:
        UnableToRegisterPayee: ``payee_account_taken``.
    """
    currency = status.currency
    account = PayeeAccount(
        operator_id=operator_id,
        provider=provider,
        reference=status.account,
        currency=currency,
        is_default=True,
        created_at=at,
    )
    if own is not None:
        account.mode = PayeeAccount.Mode.OWN_KEY
        account.sealed_key = seal(own.api_key)
        account.sealed_webhook_secret = seal(own.webhook_secret)
        account.key_ending, account.key_set_at = own.api_key[-4:], at
    _mirror(account, status, at)
    PayeeAccount.objects.filter(
        operator_id=operator_id, currency=currency, is_default=True
    ).update(is_default=False)
    try:
        with transaction.atomic():
            account.save(force_insert=True)
    except IntegrityError as error:
        raise UnableToRegisterPayee(
            "payee_account_taken",
            f"The account {status.account} is registered already; each account "
            "belongs to one operator.",
        ) from error
    audit.record(
        operator_id=operator_id,
        actor=by,
        action="payee_account.registered",
        object=f"payee account {status.account}",
        changes={"provider": provider, "currency": currency},
        at=at,
    )
    return account


def register(
    *, operator_id: int, provider: str, reference: str, by: str, at: datetime
) -> PayeeAccount:
    """Take in an account that the operator has; it becomes its currency's default.

    Asks the provider first, so call it outside of a database transaction.

    Raises:
        UnableToRegisterPayee: unknown to the provider, or registered already.
    """
    status = _ask(provider, reference)
    with acting_for([operator_id]):
        return take_in(
            operator_id=operator_id,
            provider=provider,
            status=status,
            by=by,
            at=at,
        )


def register_own_key(
    *,
    operator_id: int,
    provider: str,
    reference: str,
    own: OwnKey,
    by: str,
    at: datetime,
) -> PayeeAccount:
    """Take in an account that is reached with the operator's own restricted key.

    The key is sealed at once. Asks the provider first, so call it outside of a
    database transaction.

    Raises:
        UnableToRegisterPayee: ``key_not_restricted``, or the provider does not know
            the account under this key, or it is registered already.
    """
    require_restricted(own)
    try:
        remote = own_key_provider(
            provider,
            account=reference,
            api_key=own.api_key,
            webhook_secret=own.webhook_secret,
        )
    except UnableToFindProvider as error:
        raise UnableToRegisterPayee("unknown_provider", str(error)) from error
    status = _status(remote, provider, reference)
    with acting_for([operator_id]):
        return take_in(
            operator_id=operator_id,
            provider=provider,
            status=status,
            by=by,
            at=at,
            own=own,
        )


def require_restricted(own: OwnKey) -> None:
    """Refuse a key that could do more than take payments.

    Raises:
        UnableToRegisterPayee: ``key_not_restricted``.
    """
    if not own.api_key.startswith("rk_") or not own.webhook_secret:
        raise UnableToRegisterPayee(
            "key_not_restricted",
            "Give a restricted key (rk_…) and the signing secret of its webhook "
            "endpoint; an unrestricted key could pay out the operator's money.",
            http_status=422,
        )


def _status(remote: PaymentProvider, provider: str, reference: str) -> AccountStatus:
    try:
        status = remote.account_status(account=reference)
        minor_digits(status.currency)
    except (ProviderError, ValueError) as error:
        raise _unknown(provider, reference, error) from error
    return status


def _unknown(
    provider: str, reference: str, error: Exception
) -> "UnableToRegisterPayee":
    return UnableToRegisterPayee(
        "payee_account_unknown",
        f"The provider {provider} does not know the account {reference!r} "
        f"({error}); check the reference and the provider's settings.",
    )


def _ask(provider: str, reference: str) -> AccountStatus:
    try:
        remote = get_provider(provider)
    except UnableToFindProvider as error:
        raise _unknown(provider, reference, error) from error
    return _status(remote, provider, reference)


def _mirror(account: PayeeAccount, status: AccountStatus, at: datetime) -> None:
    account.charges_enabled = status.charges_enabled
    account.payouts_enabled = status.payouts_enabled
    account.requirements_due = [d[:REASON_CHARS_MAX] for d in status.requirements_due]
    account.due_by = status.due_by
    account.disabled_reason = (status.disabled_reason or "")[:REASON_CHARS_MAX]
    account.checked_at = at


def _warn(account: PayeeAccount, at: datetime) -> None:
    """Tell the operator once that its account still works, but not for long."""
    wanting = account.requirements_due or not account.payouts_enabled
    if not account.charges_enabled or not wanting:
        account.warned_at = None
        return
    if account.warned_at is not None:
        return
    account.warned_at = at
    publish(
        events.PAYEE_ACCOUNT_DEGRADED,
        operator_id=account.operator_id,
        key=account.reference,
        payload={
            "payee_account_id": account.pk,
            "requirements_due": list(account.requirements_due),
            "due_by": account.due_by.isoformat() if account.due_by else None,
            "payouts_enabled": account.payouts_enabled,
        },
    )


def verify(*, payee_account_id: int, at: datetime) -> PayeeAccount:
    """Mirror what the provider lets the account do.

    Asks the provider, so call it outside of a database transaction.

    Raises:
        ProviderError: the provider could not be asked; the mirror stays.
    """
    known = PayeeAccount.objects.get(pk=payee_account_id)
    remote = provider_for(known.provider, known.reference)
    status = remote.account_status(account=known.reference)
    with acting_for([known.operator_id]):
        account = PayeeAccount.objects.select_for_update().get(pk=payee_account_id)
        if account.checked_at is not None and account.checked_at > at:
            return account
        before = account.charges_enabled
        _mirror(account, status, at)
        _warn(account, at)
        account.save()
        if before != account.charges_enabled:
            publish(
                events.PAYEE_ACCOUNT_CHANGED,
                operator_id=account.operator_id,
                key=account.reference,
                payload={
                    "payee_account_id": account.pk,
                    "charges_enabled": account.charges_enabled,
                },
            )
    return account


@transaction.atomic
def ask_again(*, payee_account_id: int) -> None:
    """Have a worker ask the provider what an account may do."""
    account = PayeeAccount.objects.get(pk=payee_account_id)
    publish(
        events.PAYEE_ACCOUNT_SUSPECT,
        operator_id=account.operator_id,
        key=account.reference,
        payload={"payee_account_id": account.pk},
    )


@dataclass(frozen=True, slots=True)
class Onboarding:
    """Where the operator proves who it is."""

    payee_account_id: int
    url: str


def onboard(
    *, operator_id: int, provider: str, return_url: str, by: str, at: datetime
) -> Onboarding:
    """Open an account that the operator owns, or go on with the one it has (B9).

    Asks the provider, so call it outside of a database transaction.

    Raises:
        UnableToRegisterPayee: the provider refused.
        ProviderError: no link now; call again.
    """
    with acting_for([operator_id]):
        operator = Operator.objects.get(pk=operator_id)
        account = PayeeAccount.objects.filter(
            operator_id=operator_id,
            provider=provider,
            currency=operator.currency,
            is_default=True,
        ).first()
    remote = get_provider(provider)
    if account is None:
        reference = remote.create_account(
            country=operator.country,
            currency=operator.currency,
            email=by if "@" in by else f"{operator.code}@operators.invalid",
            idempotency_key=f"account-{operator.code}-{operator.currency}",
        )
        account = register(
            operator_id=operator_id,
            provider=provider,
            reference=reference,
            by=by,
            at=at,
        )
    url = remote.onboarding_link(
        account=account.reference, refresh_url=return_url, return_url=return_url
    )
    return Onboarding(account.pk, url)
