"""Rows that wait for an outside that never told: found, and asked about.

Webhooks tell most of it and the poller the rest; what both missed, or what lost its
question on the way, is found here, so that nothing waits for ever in silence.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from settlement.models import (
    Checkout,
    Dispute,
    Payment,
    PaymentAttempt,
    PaymentState,
    WebhookEvent,
)
from settlement.models.payment_attempt import OPEN_STATES
from settlement.services import captures, checkouts, disputes, holds
from settlement.services.access import provider_for
from settlement.services.moves import locked, open_attempt

WEBHOOK_AFTER: Final = timedelta(minutes=15)
FORGOTTEN_AFTER: Final = timedelta(minutes=15)
"""Longer than any question waits for its first answer."""
HOLD_EVERY: Final = timedelta(hours=6)
DISPUTE_EVERY: Final = timedelta(hours=6)
PAGE_AFTER: Final = timedelta(minutes=5)
LOOK_MAX: Final = 100
NO_ANSWER: Final = "provider_unreachable"

_S = PaymentState
_PAGE = Checkout.State


def unheard_webhooks(*, at: datetime) -> list[int]:
    """Events that nobody followed, those not looked at longest first.

    Returns at most ``LOOK_MAX`` and notes that they are looked at now.
    """
    rows = WebhookEvent.objects.filter(
        state=WebhookEvent.State.PENDING, received_at__lt=at - WEBHOOK_AFTER
    ).exclude(looked_at__gt=at - WEBHOOK_AFTER)
    order = F("looked_at").asc(nulls_first=True)
    ids = list(rows.order_by(order, "pk").values_list("pk", flat=True)[:LOOK_MAX])
    WebhookEvent.objects.filter(pk__in=ids).update(looked_at=at)
    return ids


def waiting_disputes(*, at: datetime) -> list[int]:
    """Disputes that the bank has not decided, those not looked at longest first.

    Returns at most ``LOOK_MAX`` and notes that they are looked at now.
    """
    rows = Dispute.objects.filter(
        state__in=[Dispute.State.OPEN, Dispute.State.SUBMITTED],
        opened_at__lt=at - DISPUTE_EVERY,
    ).exclude(looked_at__gt=at - DISPUTE_EVERY)
    order = F("looked_at").asc(nulls_first=True)
    ids = list(rows.order_by(order, "pk").values_list("pk", flat=True)[:LOOK_MAX])
    Dispute.objects.filter(pk__in=ids).update(looked_at=at)
    return ids


def look_at_dispute(*, dispute_id: int, at: datetime) -> None:
    """Ask how a dispute stands, and apply it.

    Asks the provider, so call it outside of a database transaction.

    Raises:
        ProviderError: the provider could not be asked.
    """
    dispute = Dispute.objects.select_related("payment").get(pk=dispute_id)
    payment = dispute.payment
    known = provider_for(payment.provider, payment.account_reference).fetch_dispute(
        account=payment.account_reference, dispute_ref=dispute.provider_ref
    )
    with transaction.atomic():
        disputes.apply(locked(payment.pk), known, at=at)


def pages_left_open(*, at: datetime) -> list[int]:
    """Payments that were given up with a page that may have been paid before its end.

    Returns at most ``LOOK_MAX``; looked at, their page is closed or paid.
    """
    rows = Checkout.objects.filter(
        state=_PAGE.OPEN,
        expires_at__lt=at - PAGE_AFTER,
        payment__state__in=[_S.DECLINED, _S.RELEASED],
    ).exclude(payment__looked_at__gt=at - HOLD_EVERY)
    return list(rows.order_by("pk").values_list("payment_id", flat=True)[:LOOK_MAX])


def forgotten(*, at: datetime) -> list[int]:
    """Payments that wait although nothing is being asked about them.

    Returns at most ``LOOK_MAX``, those not looked at longest first.
    """
    asked = PaymentAttempt.objects.filter(payment=OuterRef("pk"), state__in=OPEN_STATES)
    quiet = Q(~Exists(asked), _not_looked_at(at - FORGOTTEN_AFTER)) & Q(
        state__in=[_S.AUTHORIZING, _S.CAPTURING], moved_at__lt=at - FORGOTTEN_AFTER
    )
    held = _not_looked_at(at - HOLD_EVERY) & Q(
        state=_S.AUTHORIZED, moved_at__lt=at - HOLD_EVERY
    )
    order = F("looked_at").asc(nulls_first=True)
    rows = Payment.objects.filter(quiet | held).order_by(order, "moved_at")
    return list(rows.values_list("pk", flat=True)[:LOOK_MAX])


def _not_looked_at(since: datetime) -> Q:
    return Q(looked_at=None) | Q(looked_at__lt=since)


def revive(*, payment_id: int, at: datetime) -> None:
    """Ask how a forgotten payment stands; if it still waits, ask for its next step.

    Asks the provider, so call it outside of a database transaction.

    Raises:
        ProviderError: the provider could not be asked.
    """
    holds.refresh(payment_id=payment_id, at=at)
    with transaction.atomic():
        payment = locked(payment_id)
        if open_attempt(payment) is None:
            _go_on(payment, at)


def _go_on(payment: Payment, at: datetime) -> None:
    held_and_due = payment.state == _S.AUTHORIZED and payment.due_minor
    if payment.state == _S.CAPTURING or held_and_due:
        captures.start(payment, at=at)
    elif payment.state == _S.AUTHORIZED and payment.release_reason:
        captures.release(payment, at=at)
    elif payment.state == _S.AUTHORIZING and not _may_exist(payment):
        captures.declined(
            payment,
            code=NO_ANSWER,
            message="The payment provider was never reached.",
            at=at,
        )


def _may_exist(payment: Payment) -> bool:
    """Whether the provider knows something of it; then its own word ends it."""
    page = checkouts.of(payment)
    return bool(payment.provider_ref or (page is not None and page.reference))
