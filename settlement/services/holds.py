"""Payments that wait for something outside: looked at, and not left to themselves."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from settlement import events
from settlement.models import Payment, PaymentState
from settlement.models.payment_states import WAITING_STATES
from settlement.services import captures, checkouts, outcomes, page_outcomes
from settlement.services.access import provider_for
from settlement.services.moves import locked, tell

WARN_BEFORE: Final = timedelta(hours=12)
RELEASE_BEFORE: Final = timedelta(hours=1)
LIFE_PART: Final = 10
"""Short holds are warned about, and released, at the latest with a tenth of their
life left (released) or a fifth (warned)."""
LOOK_AFTER: Final = timedelta(seconds=20)
LOOK_MAX: Final = 100
EXPIRING_MAX: Final = 500
STUCK_AFTER: Final = timedelta(hours=1)

_S = PaymentState
_PAGE_COUNTS: Final = (*WAITING_STATES, _S.DECLINED, _S.RELEASED)
"""Somebody may have paid on the page, also after it was given up."""


def refresh(*, payment_id: int, at: datetime) -> bool:
    """Fetch what the provider says of a payment and apply it; True = it changed.

    Asks the provider, so call it outside of a database transaction.

    Raises:
        ProviderError: the provider could not be asked.
    """
    payment = Payment.objects.get(pk=payment_id)
    Payment.objects.filter(pk=payment_id).update(looked_at=at)
    page = checkouts.of(payment) if payment.state in _PAGE_COUNTS else None
    if not payment.provider_ref and (page is None or not page.reference):
        return False
    provider = provider_for(payment.provider, payment.account_reference)
    if page is not None and page.reference:
        told = provider.fetch_checkout(
            account=payment.account_reference, checkout_ref=page.reference
        )
        with transaction.atomic():
            return page_outcomes.apply(
                locked(payment_id), told, cause="fetched from the provider", at=at
            )
    known = provider.fetch_state(
        account=payment.account_reference, payment_ref=payment.provider_ref
    )
    with transaction.atomic():
        return outcomes.apply(
            locked(payment_id), known, cause="fetched from the provider", at=at
        )


def to_look_at(*, at: datetime) -> list[int]:
    """Payments whose payer is being asked, those not looked at longest first."""
    rows = Payment.objects.filter(
        state=_S.REQUIRES_ACTION, moved_at__lt=at - LOOK_AFTER
    ).order_by(F("looked_at").asc(nulls_first=True), "moved_at")
    return list(rows.values_list("pk", flat=True)[:LOOK_MAX])


def handle_expiring(*, at: datetime) -> int:
    """Warn about holds that end soon and release those that end at once.

    A hold that ends by itself says nothing; released in time, everybody knows, and
    what falls due later becomes a debt.

    Returns:
        How many were warned about or released.
    """
    rows = Payment.objects.filter(
        state=_S.AUTHORIZED,
        due_minor__isnull=True,
        capture_before__lt=at + WARN_BEFORE,
        release_reason="",
    ).order_by("capture_before")
    ids = list(rows.values_list("pk", flat=True)[:EXPIRING_MAX])
    return sum(_handle(payment_id, at) for payment_id in ids)


@transaction.atomic
def _handle(payment_id: int, at: datetime) -> bool:
    payment = locked(payment_id)
    ends = payment.capture_before
    if payment.state != _S.AUTHORIZED or payment.due_minor or ends is None:
        return False
    life = ends - payment.created_at
    left = ends - at
    if left <= min(RELEASE_BEFORE, life / LIFE_PART):
        payment.release_reason = "the hold expires"
        payment.save(update_fields=["release_reason"])
        captures.release(payment, at=at)
        return True
    warn_at = min(WARN_BEFORE, 2 * life / LIFE_PART)
    if payment.expiry_warned_at is None and left <= warn_at:
        payment.expiry_warned_at = at
        payment.save(update_fields=["expiry_warned_at"])
        tell(events.PAYMENT_HOLD_EXPIRING, payment, capture_before=ends.isoformat())
        return True
    return False


def stuck(*, at: datetime) -> list[int]:
    """Payments that wait longer than anything should."""
    waiting = Q(state__in=[_S.AUTHORIZING, _S.CAPTURING])
    rows = Payment.objects.filter(waiting, moved_at__lt=at - STUCK_AFTER)
    return list(rows.order_by("moved_at").values_list("pk", flat=True))
