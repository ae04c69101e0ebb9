"""Hosted pages of payments: wanted, opened by a worker, followed until they close.

A payer's return proves nothing: what the page became is asked of the provider, by
its events and by polling. A page that is released is closed at the provider; should
it have been paid in the same moment, the hold is found and released.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from settlement.models import Checkout, Payment, PaymentAttempt, PaymentState
from settlement.models.payment_states import WAITING_STATES
from settlement.providers.base import ProviderCheckout

PAGE_LIFE: Final = timedelta(minutes=45)
"""The provider refuses less than 30 minutes, counted from its own clock."""
PAY_LINK_LIFE: Final = timedelta(hours=23)
"""The provider refuses more than 24 hours."""
NOT_PAID: Final = "checkout_expired"

_S = PaymentState


@dataclass(frozen=True, slots=True)
class CheckoutWanted:
    """A page of the provider's own for a payer without a saved method.

    Attributes:
        success_url, cancel_url: where the page sends the payer afterwards.
        locale: language of the page, as in our settings.
        email: known of the payer, or None.
    """

    success_url: str
    cancel_url: str
    locale: str
    email: str | None = None


def want(
    payment: Payment, wanted: CheckoutWanted, *, capture: bool, at: datetime
) -> Checkout:
    """Write down the page that a worker has to open for a new payment."""
    return Checkout.objects.create(
        operator_id=payment.operator_id,
        payment=payment,
        capture=capture,
        success_url=wanted.success_url,
        cancel_url=wanted.cancel_url,
        locale=wanted.locale[:10],
        email=wanted.email or "",
        expires_at=at + (PAY_LINK_LIFE if capture else PAGE_LIFE),
        created_at=at,
    )


def of(payment: Payment) -> Checkout | None:
    """The page of a payment, or None."""
    return Checkout.objects.filter(payment_id=payment.pk).first()


def is_open(payment: Payment) -> Checkout | None:
    """The page of a payment where somebody may still pay, or None."""
    page = of(payment)
    return page if page is not None and page.state == Checkout.State.OPEN else None


def remember(payment: Payment, known: ProviderCheckout) -> Checkout:
    """Mirror what the provider told about the page of a locked payment."""
    page = Checkout.objects.get(payment_id=payment.pk)
    page.reference, page.state = known.ref, known.state
    page.url, page.expires_at = known.url or page.url, known.expires_at
    page.save(update_fields=["reference", "state", "url", "expires_at"])
    return page


def waits(payment: Payment) -> bool:
    """Whether the payment waits for a payer on its page."""
    return payment.state in WAITING_STATES and of(payment) is not None


CHECKOUT_KINDS: Final = frozenset(
    {PaymentAttempt.Kind.CHECKOUT, PaymentAttempt.Kind.EXPIRE}
)
