"""Asking the provider: HTTP only, never inside a database transaction, no writes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings

from settlement.models import PaymentAttempt
from settlement.providers.base import (
    AuthorizeRequest,
    CheckoutRequest,
    PaymentProvider,
    ProviderCheckout,
    ProviderError,
    ProviderPayment,
    ProviderRefund,
    ProviderRejected,
    ProviderUnavailable,
)
from settlement.providers.door import one_question
from settlement.providers.registry import UnableToFindProvider
from settlement.services.access import provider_for
from settlement.services.checkouts import CHECKOUT_KINDS

_KIND = PaymentAttempt.Kind


_TITLES: Final = {
    "en": "Charging an electric vehicle",
    "de": "Laden eines Elektrofahrzeugs",
    "zh-hans": "电动汽车充电",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A hosted page, wanted or opened."""

    reference: str
    capture: bool
    success_url: str
    cancel_url: str
    locale: str
    email: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Everything that one call needs, copied out of the rows before it."""

    attempt_id: int
    tries: int
    kind: str
    provider: str
    account: str
    idempotency_key: str
    amount_minor: int
    application_fee_minor: int
    currency: str
    provider_ref: str
    customer_ref: str
    payment_method_ref: str
    order_number: str
    sequence: int
    off_session: bool
    refund_application_fee: bool
    only_look: bool
    """The key is too old to be asked again: only look what became of it."""
    page: Page | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider said no; ``known`` is how the payment stands, if it told."""

    error: ProviderError
    known: ProviderPayment | None = None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Nobody knows what happened: the same question, later."""

    error: ProviderError


Heard = ProviderPayment | ProviderRefund | ProviderCheckout | Refused
Answer = Heard | Unanswered


def ask(question: Question) -> Answer:
    """Ask once. Every provider error is an answer too; anything else is a defect."""
    try:
        provider = provider_for(question.provider, question.account)
    except UnableToFindProvider as error:
        return Unanswered(ProviderUnavailable(str(error)))
    except ProviderUnavailable as error:
        return Unanswered(error)
    with one_question():
        return _ask(provider, question)


def _ask(provider: PaymentProvider, question: Question) -> Answer:
    try:
        if question.kind in CHECKOUT_KINDS:
            return _page(provider, question)
        return _call(provider, question)
    except ProviderUnavailable as error:
        return Unanswered(error)
    except ProviderError as error:
        return _refused(provider, question, error)


def _call(provider: PaymentProvider, asked: Question) -> Answer:
    if asked.only_look:
        return provider.fetch_state(
            account=asked.account, payment_ref=asked.provider_ref
        )
    if asked.kind == _KIND.AUTHORIZE:
        return provider.authorize(_authorize(asked))
    if asked.kind == _KIND.CAPTURE:
        return provider.capture(
            account=asked.account,
            payment_ref=asked.provider_ref,
            amount_minor=asked.amount_minor,
            application_fee_minor=asked.application_fee_minor,
            idempotency_key=asked.idempotency_key,
        )
    if asked.kind == _KIND.CANCEL:
        return provider.cancel(
            account=asked.account,
            payment_ref=asked.provider_ref,
            idempotency_key=asked.idempotency_key,
        )
    return provider.refund(
        account=asked.account,
        payment_ref=asked.provider_ref,
        amount_minor=asked.amount_minor,
        refund_application_fee=asked.refund_application_fee,
        idempotency_key=asked.idempotency_key,
    )


def _page(provider: PaymentProvider, asked: Question) -> ProviderCheckout:
    page = asked.page
    assert page is not None, "written together with the attempt"
    if asked.kind == _KIND.EXPIRE:
        if asked.only_look:
            return provider.fetch_checkout(
                account=asked.account, checkout_ref=page.reference
            )
        return provider.expire_checkout(
            account=asked.account,
            checkout_ref=page.reference,
            idempotency_key=asked.idempotency_key,
        )
    return provider.open_checkout(
        CheckoutRequest(
            account=asked.account,
            amount_minor=asked.amount_minor,
            currency=asked.currency,
            application_fee_minor=asked.application_fee_minor,
            hold=not page.capture,
            title=_TITLES.get(page.locale.lower(), _TITLES["en"]),
            order_number=asked.order_number,
            sequence=asked.sequence,
            success_url=page.success_url,
            cancel_url=page.cancel_url,
            locale=page.locale,
            email=page.email or None,
            expires_at=page.expires_at,
            idempotency_key=asked.idempotency_key,
        )
    )


def _authorize(asked: Question) -> AuthorizeRequest:
    return AuthorizeRequest(
        account=asked.account,
        amount_minor=asked.amount_minor,
        currency=asked.currency,
        customer_ref=asked.customer_ref or None,
        payment_method_ref=asked.payment_method_ref,
        order_number=asked.order_number,
        sequence=asked.sequence,
        idempotency_key=asked.idempotency_key,
        off_session=asked.off_session,
        return_url=f"{settings.PUBLIC_BASE_URL}/payments/returned/",
    )


def _refused(
    provider: PaymentProvider, asked: Question, error: ProviderError
) -> Answer:
    """A refused capture or cancel often means that the payment stands otherwise."""
    moves_hold = asked.kind in {_KIND.CAPTURE, _KIND.CANCEL}
    if not (moves_hold and isinstance(error, ProviderRejected) and asked.provider_ref):
        return Refused(error)
    try:
        known = provider.fetch_state(
            account=asked.account, payment_ref=asked.provider_ref
        )
    except ProviderUnavailable as unavailable:
        return Unanswered(unavailable)
    except ProviderError:
        return Refused(error)
    return Refused(error, known)
