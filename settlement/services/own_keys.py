"""Operators' own keys: given by an owner, tried by a worker, changed while in use.

A key is sealed in the moment in which it is given and never shown again but for its
last characters. It takes the place of the former one only after the provider answered
with it for the same account; webhooks signed with the former secret are believed for
some days more, so that nothing is lost between two endpoints.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import transaction

from cpms.accounts.services import audit
from cpms.accounts.services.sealing import seal, unseal
from cpms.kernel.errors import DomainError
from cpms.outbox import publish
from settlement import events
from settlement.models import OwnKeySubmission, PayeeAccount
from settlement.providers.base import AccountStatus, ProviderError, ProviderUnavailable
from settlement.providers.registry import UnableToFindProvider, own_key_provider
from settlement.services import payees
from settlement.services.payees import OwnKey, UnableToRegisterPayee

ENDING_CHARS: Final = 4
NOTE_CHARS_MAX: Final = 300
FORMER_SECRET_LIFE: Final = timedelta(days=4)
"""Providers repeat webhooks for three days."""
LOOK_AFTER: Final = timedelta(minutes=10)
LOOK_MAX: Final = 50
SECRET_CHARS_MAX: Final = 255

_STATE = OwnKeySubmission.State


class UnableToTakeKey(DomainError):
    """It is no restricted key, or not of this operator's account."""

    http_status: ClassVar[int] = 422


@transaction.atomic
def submit(
    *,
    operator_id: int,
    provider: str,
    reference: str,
    own: OwnKey,
    by: str,
    at: datetime,
) -> OwnKeySubmission:
    """Seal a key and have a worker try it; the first of an account or a new one.

    Raises:
        UnableToRegisterPayee: ``key_not_restricted``.
        UnableToTakeKey: ``account_of_another_kind`` or ``key_too_long``.
    """
    payees.require_restricted(own)
    if max(len(own.api_key), len(own.webhook_secret)) > SECRET_CHARS_MAX:
        raise UnableToTakeKey("key_too_long", "This is longer than any key is.")
    known = PayeeAccount.objects.filter(provider=provider, reference=reference).first()
    if known is not None:
        _require_own(known, operator_id)
    row = OwnKeySubmission.objects.create(
        operator_id=operator_id,
        provider=provider,
        reference=reference,
        sealed_key=seal(own.api_key),
        sealed_webhook_secret=seal(own.webhook_secret),
        key_ending=own.api_key[-ENDING_CHARS:],
        submitted_by=by[:120],
        submitted_at=at,
    )
    publish(
        events.OWN_KEY_SUBMITTED,
        operator_id=operator_id,
        key=f"own-key-{row.pk}",
        payload={"submission_id": row.pk},
    )
    audit.record(
        operator_id=operator_id,
        actor=by,
        action="own_key.submitted",
        object=f"payee account {reference}",
        changes={"key_ending": row.key_ending},
        at=at,
    )
    return row


def _require_own(account: PayeeAccount, operator_id: int) -> None:
    if account.operator_id == operator_id and account.mode == PayeeAccount.Mode.OWN_KEY:
        return
    raise UnableToTakeKey(
        "account_of_another_kind",
        f"The account {account.reference} is registered already and is not reached "
        "with a key of this operator.",
        http_status=409,
    )


def to_look_at(*, at: datetime) -> list[int]:
    """Keys that no worker tried yet; notes that they are looked at now."""
    rows = OwnKeySubmission.objects.filter(
        state=_STATE.PENDING, submitted_at__lt=at - LOOK_AFTER
    ).exclude(looked_at__gt=at - LOOK_AFTER)
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:LOOK_MAX])
    OwnKeySubmission.objects.filter(pk__in=ids).update(looked_at=at)
    return ids


def decide(*, submission_id: int, at: datetime) -> None:
    """Try a key at the provider; take it, or refuse it. Idempotent.

    Asks the provider, so call it outside of a database transaction.

    Raises:
        ProviderUnavailable: the provider could not be asked; call again.
    """
    row = OwnKeySubmission.objects.get(pk=submission_id)
    if row.state != _STATE.PENDING:
        return
    own = OwnKey(unseal(row.sealed_key), unseal(row.sealed_webhook_secret))
    try:
        status = _ask(row, own)
    except ProviderUnavailable:
        raise
    except (ProviderError, UnableToFindProvider, ValueError) as error:
        _refuse(row, f"The provider refused the key: {error}", at)
        return
    try:
        _take(row, own, status, at)
    except (UnableToRegisterPayee, UnableToTakeKey) as error:
        _refuse(row, error.message, at)


def change(
    *,
    operator_id: int,
    provider: str,
    reference: str,
    own: OwnKey,
    by: str,
    at: datetime,
) -> None:
    """Give a key, try it at once, and take it.

    Asks the provider, so call it outside of a database transaction.

    Raises:
        UnableToRegisterPayee: ``key_not_restricted``.
        UnableToTakeKey: ``account_of_another_kind``, ``key_too_long`` or
            ``key_refused``.
        ProviderUnavailable: the provider could not be asked; a worker asks again.
    """
    row = submit(
        operator_id=operator_id,
        provider=provider,
        reference=reference,
        own=own,
        by=by,
        at=at,
    )
    decide(submission_id=row.pk, at=at)
    row.refresh_from_db()
    if row.state == _STATE.REFUSED:
        raise UnableToTakeKey("key_refused", row.note)


def _ask(row: OwnKeySubmission, own: OwnKey) -> AccountStatus:
    remote = own_key_provider(
        row.provider,
        account=row.reference,
        api_key=own.api_key,
        webhook_secret=own.webhook_secret,
    )
    status = remote.account_status(account=row.reference)
    if status.account != row.reference:
        raise ValueError(f"it is a key of {status.account}, not of {row.reference}.")
    return status


@transaction.atomic
def _take(
    row: OwnKeySubmission, own: OwnKey, status: AccountStatus, at: datetime
) -> None:
    locked = OwnKeySubmission.objects.select_for_update().get(pk=row.pk)
    if locked.state != _STATE.PENDING:
        return
    account = (
        PayeeAccount.objects.select_for_update()
        .filter(provider=row.provider, reference=row.reference)
        .first()
    )
    if account is None:
        payees.take_in(
            operator_id=row.operator_id,
            provider=row.provider,
            status=status,
            by=row.submitted_by,
            at=at,
            own=own,
        )
    else:
        _require_own(account, row.operator_id)
        _replace(account, own, row.submitted_by, at)
    _decided(locked, _STATE.ACCEPTED, "in use", at)


def _replace(account: PayeeAccount, own: OwnKey, by: str, at: datetime) -> None:
    if unseal(account.sealed_webhook_secret) != own.webhook_secret:
        account.sealed_former_webhook_secret = account.sealed_webhook_secret
        account.former_webhook_secret_until = at + FORMER_SECRET_LIFE
    account.sealed_key = seal(own.api_key)
    account.sealed_webhook_secret = seal(own.webhook_secret)
    former, account.key_ending = account.key_ending, own.api_key[-ENDING_CHARS:]
    account.key_set_at = at
    account.save()
    audit.record(
        operator_id=account.operator_id,
        actor=by,
        action="own_key.changed",
        object=f"payee account {account.reference}",
        changes={"former_ending": former, "key_ending": account.key_ending},
        at=at,
    )


@transaction.atomic
def _refuse(row: OwnKeySubmission, why: str, at: datetime) -> None:
    locked = OwnKeySubmission.objects.select_for_update().get(pk=row.pk)
    if locked.state != _STATE.PENDING:
        return
    _decided(locked, _STATE.REFUSED, why, at)
    audit.record(
        operator_id=row.operator_id,
        actor="settlement",
        action="own_key.refused",
        object=f"payee account {row.reference}",
        changes={"key_ending": row.key_ending, "why": locked.note},
        at=at,
    )


def _decided(
    row: OwnKeySubmission, state: OwnKeySubmission.State, note: str, at: datetime
) -> None:
    row.state, row.note, row.decided_at = state, note[:NOTE_CHARS_MAX], at
    row.sealed_key = row.sealed_webhook_secret = ""
    row.save()


def forget_former(*, at: datetime) -> int:
    """Wipe former webhook secrets whose time is over; returns how many."""
    return PayeeAccount.objects.filter(former_webhook_secret_until__lt=at).update(
        sealed_former_webhook_secret="", former_webhook_secret_until=None
    )
