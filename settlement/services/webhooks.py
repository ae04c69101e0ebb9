"""The inbox of providers' events: kept once, then the object is fetched again.

Order is not guaranteed and amounts in a body are never used: an event only says that
something changed. A poller fills what the webhooks missed.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db import transaction

from cpms.accounts.tenancy import acting_as_platform
from cpms.outbox import publish
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
    return _keep(provider, event, via=WebhookEvent.Via.WEBHOOK, at=at)


_ECHO: Final = {"state": _STATE.IGNORED, "note": "another event tells the same change"}


@transaction.atomic
def _keep(
    provider: str, event: ProviderEvent, *, via: WebhookEvent.Via, at: datetime
) -> bool:
    row, created = WebhookEvent.objects.get_or_create(
        provider=provider,
        account=event.account or "",
        event_ref=event.ref,
        defaults={
            "type": event.type,
            "object_type": event.object_type,
            "object_ref": event.object_ref,
            "payment_ref": event.payment_ref or "",
            "via": via,
            "happened_at": event.created_at,
            "received_at": at,
            **(_ECHO if event.is_echo else {}),
        },
    )
    if created and not event.is_echo:
        publish(
            events.WEBHOOK_RECEIVED,
            operator_id=None,
            key=event.ref,
            payload={"webhook_event_id": row.pk},
        )
    return created


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
    rows = Payment.objects.select_for_update().filter(
        provider=row.provider, account_reference=row.account
    )
    found = rows.filter(provider_ref=row.payment_ref).first()
    if found is not None or not known.order_number:
        return found
    if known.sequence is not None:
        rows = rows.filter(sequence=known.sequence)
    return (
        rows.filter(
            order_number=known.order_number,
            provider_ref="",
            hold_minor=known.amount_minor,
        )
        .order_by("sequence")
        .first()
    )


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
        for event in found:
            new += _keep(
                account.provider,
                _on_account(event, account.reference),
                via=WebhookEvent.Via.POLL,
                at=at,
            )
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
