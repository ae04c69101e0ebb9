"""The provider's own pages: paying, and saving a method (Stripe Checkout)."""

from typing import TYPE_CHECKING, Any, Final, cast

from settlement.providers.base import (
    CheckoutRequest,
    ProviderCheckout,
    ProviderRejected,
    SetupRequest,
)
from settlement.providers.stripe_connect import mapping
from settlement.providers.stripe_connect.transport import our_errors

if TYPE_CHECKING:
    from stripe import RequestOptions
    from stripe._v1_services import V1Services
    from stripe.params.checkout import SessionCreateParams

_EXPANDED: Final = ["payment_intent.latest_charge", "setup_intent"]
_UNEXPECTED: Final = "checkout_session_unexpected_state"
# Locales of the page that the published description lists for our languages.
_LOCALES: Final = {"en": "en", "de": "de", "zh-hans": "zh", "zh": "zh"}


class HostedPages:
    """Checkout sessions; mixed into the adapter, whose client it uses."""

    _api: "V1Services"

    def _on(
        self, account: str | None, idempotency_key: str | None = None
    ) -> "RequestOptions":
        raise NotImplementedError

    def open_checkout(self, request: CheckoutRequest) -> ProviderCheckout:
        """Open a page on the payee's account: a hold, or a payment at once."""
        metadata = mapping.metadata(request.order_number, request.sequence)
        inner: dict[str, Any] = {
            "capture_method": "manual" if request.hold else "automatic",
            "metadata": metadata,
        }
        if request.application_fee_minor and not request.hold:
            inner["application_fee_amount"] = request.application_fee_minor
        params: dict[str, Any] = {
            "mode": "payment",
            "payment_method_types": ["card"],
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": request.currency.lower(),
                        "unit_amount": request.amount_minor,
                        "product_data": {"name": request.title},
                    },
                }
            ],
            "payment_intent_data": inner,
            "metadata": metadata,
            "client_reference_id": request.order_number,
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
            "locale": _locale(request.locale),
            "expires_at": int(request.expires_at.timestamp()),
            "expand": _EXPANDED,
        }
        if request.email is not None:
            params["customer_email"] = request.email
        options = self._on(request.account, request.idempotency_key)
        with our_errors():
            made = self._api.checkout.sessions.create(
                cast("SessionCreateParams", params), options
            )
        return mapping.checkout(made.to_dict())

    def open_setup(self, request: SetupRequest) -> ProviderCheckout:
        """Open a page where a payer saves a card for later charges."""
        params: dict[str, Any] = {
            "mode": "setup",
            "payment_method_types": ["card"],
            "customer": request.customer_ref,
            "currency": request.currency.lower(),
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
            "locale": _locale(request.locale),
            "expand": _EXPANDED,
        }
        options = self._on(request.account, request.idempotency_key)
        with our_errors():
            made = self._api.checkout.sessions.create(
                cast("SessionCreateParams", params), options
            )
        return mapping.checkout(made.to_dict())

    def fetch_checkout(
        self, *, account: str | None, checkout_ref: str
    ) -> ProviderCheckout:
        """Ask what became of a page, and of the payment made there."""
        with our_errors():
            found = self._api.checkout.sessions.retrieve(
                checkout_ref, {"expand": _EXPANDED}, self._on(account)
            )
        return mapping.checkout(found.to_dict())

    def expire_checkout(
        self, *, account: str, checkout_ref: str, idempotency_key: str
    ) -> ProviderCheckout:
        """Close a page; one that was used or closed already is the answer."""
        options = self._on(account, idempotency_key)
        try:
            with our_errors():
                closed = self._api.checkout.sessions.expire(
                    checkout_ref, {"expand": _EXPANDED}, options
                )
        except ProviderRejected:
            known = self.fetch_checkout(account=account, checkout_ref=checkout_ref)
            if known.state == "open":
                raise
            return known
        return mapping.checkout(closed.to_dict())


def _locale(language: str) -> str:
    return _LOCALES.get(language.lower(), "auto")
