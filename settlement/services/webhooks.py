"""The inbox of providers' events: kept once, then the object is fetched again.

Order is not guaranteed and amounts in a body are never used: an event only says that
something changed. A poller fills what the webhooks missed.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db import connection, transaction
from psycopg2.extras import execute_values

from cpms.accounts.tenancy import acting_as_platform
from cpms.outbox import publish_many
from settlement import events
from settlement.models import (
    Checkout,
    PayeeAccount,
    Payment,
    WebhookEvent,
)
from settlement.providers.base import ProviderEvent, ProviderPayment
from settlement.providers.registry import get_provider
from settlement.services import (
    disputes,
    holds,
    method_pages,
    outcomes,
    payees,
    refund_looks,
)
from settlement.services.access import provider_for
from settlement.services.moves import locked_with_own

POLL_PAGE: Final = 200
POLL_PAGES_MAX: Final = 50

_STATE = WebhookEvent.State


def receive(
    *,
    provider: str,
    payload: bytes,
    signature: str,
    at: datetime,
    account: str | None = None,
) -> bool:
    """Keep what a provider signed; returns whether it was new.

    ``account`` names the payee account whose own endpoint was called (own-key mode):
    its own secret signed, and its events name no account.

    Raises:
        UnableToVerifyWebhook: nobody of ours signed this.
        UnableToFindProvider: no such provider.
    """
    remote = get_provider(provider)
    if account is not None:
        with acting_as_platform("whose secret signed this webhook?"):
            remote = provider_for(provider, account)
    event = remote.verify_webhook(
        payload=payload, signature=signature, now=int(at.timestamp())
    )
    if account is not None:
        event = _on_account(event, account)
    return bool(_keep(provider, [event], via=WebhookEvent.Via.WEBHOOK, at=at))


ECHO: Final = "another event tells the same change"


_INSERT: Final = """
INSERT INTO settlement_webhookevent
    (provider, account, event_ref, type, object_type, object_ref, payment_ref, via,
     happened_at, received_at, state, note)
VALUES %s
ON CONFLICT (provider, account, event_ref) DO NOTHING
RETURNING id, event_ref, state
"""


@transaction.atomic
def _keep(
    provider: str,
    told: Sequence[ProviderEvent],
    *,
    via: WebhookEvent.Via,
    at: datetime,
) -> int:
    """Keep events once, in one statement, and queue what is to be asked after.

    Returns:
        How many were new.
    """
    rows = [
        (
            provider,
            event.account or "",
            event.ref,
            event.type,
            event.object_type,
            event.object_ref,
            event.payment_ref or "",
            via.value,
            event.created_at,
            at,
            _STATE.IGNORED.value if event.is_echo else _STATE.PENDING.value,
            ECHO if event.is_echo else "",
        )
        for event in told
    ]
    if not rows:
        return 0
    with connection.cursor() as cursor, connection.wrap_database_errors:
        new = execute_values(
            cursor.cursor, _INSERT, rows, page_size=len(rows), fetch=True
        )
    publish_many(
        [
            (events.WEBHOOK_RECEIVED, None, ref, {"webhook_event_id": pk})
            for pk, ref, state in new
            if state == _STATE.PENDING
        ]
    )
    return len(new)


def process(*, webhook_event_id: int, at: datetime) -> None:
    """Fetch what an event is about and apply it. Idempotent.

    Asks the provider, so call it outside of a database transaction.

    Raises:
        ProviderError: the provider could not be asked; call again.
    """
    row = WebhookEvent.objects.get(pk=webhook_event_id)
    if row.state != _STATE.PENDING:
        return
    if row.object_type == "account":
        note = _account(row, at)
    elif row.object_type == "checkout.session":
        note = _page(row, at)
    elif row.payment_ref:
        note = _payment(row, at)
    else:
        note = "nothing of ours"
    row.state = _STATE.IGNORED if note else _STATE.DONE
    row.note, row.processed_at = note, at
    row.save(update_fields=["state", "note", "processed_at"])


def _account(row: WebhookEvent, at: datetime) -> str:
    account = PayeeAccount.objects.filter(
        provider=row.provider, reference=row.object_ref
    ).first()
    if account is None:
        return "not an account of ours"
    payees.verify(payee_account_id=account.pk, at=at)
    return ""


def _page(row: WebhookEvent, at: datetime) -> str:
    page = Checkout.objects.filter(
        reference=row.object_ref, payment__provider=row.provider
    ).first()
    if page is not None:
        holds.refresh(payment_id=page.payment_id, at=at)
        return ""
    if method_pages.follow(provider=row.provider, reference=row.object_ref, at=at):
        return ""
    return _payment(row, at) if row.payment_ref else "not a page of ours"


def _payment(row: WebhookEvent, at: datetime) -> str:
    if not row.account:
        return "not on a payee's account"
    provider = provider_for(row.provider, row.account)
    known = provider.fetch_state(account=row.account, payment_ref=row.payment_ref)
    dispute = None
    if row.object_type == "dispute":
        dispute = provider.fetch_dispute(
            account=row.account, dispute_ref=row.object_ref
        )
    elif row.object_type == "refund":
        refund_looks.look_at(row.provider, row.account, row.object_ref, at=at)
    with transaction.atomic():
        payment = _find(row, known)
        if payment is None:
            return "not a payment of ours"
        outcomes.apply(payment, known, cause=row.type, at=at)
        if dispute is not None:
            disputes.apply(payment, dispute, at=at)
    return ""


def _find(row: WebhookEvent, known: ProviderPayment) -> Payment | None:
    """The payment by the provider's reference; else one whose answer we never got."""
    rows = Payment.objects.filter(provider=row.provider, account_reference=row.account)
    found = locked_with_own(rows.filter(provider_ref=row.payment_ref))
    if found is not None or not known.order_number:
        return found
    if known.sequence is not None:
        rows = rows.filter(sequence=known.sequence)
    rows = rows.filter(
        order_number=known.order_number,
        provider_ref="",
        hold_minor=known.amount_minor,
    )
    return locked_with_own(rows)


def poll(*, payee_account_id: int, at: datetime) -> int:
    """Take in the events of an account that no webhook brought; returns how many.

    Asks the provider, so call it outside of a database transaction.

    Raises:
        ProviderError: the provider could not be asked.
    """
    account = PayeeAccount.objects.get(pk=payee_account_id)
    provider = provider_for(account.provider, account.reference)
    new = 0
    for _ in range(POLL_PAGES_MAX):
        found = provider.list_events(
            account=account.reference,
            after=account.events_after or None,
            limit=POLL_PAGE,
        )
        told = [_on_account(event, account.reference) for event in found]
        new += _keep(account.provider, told, via=WebhookEvent.Via.POLL, at=at)
        if found:
            account.events_after = found[-1].ref
            account.save(update_fields=["events_after"])
        if len(found) < POLL_PAGE:
            break
    return new


def _on_account(event: ProviderEvent, reference: str) -> ProviderEvent:
    """Events listed on an account do not always name it; webhooks of it do."""
    if event.account is not None:
        return event
    return replace(event, account=reference)
