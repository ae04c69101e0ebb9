"""What every payment provider does for us, in our own words.

Money is in integer minor units with an upper-case ISO 4217 currency; instants
are aware datetimes. There is no call that moves money from the platform to an
operator: a capture credits the operator's own account.
"""

from typing import Protocol, runtime_checkable

from settlement.providers.errors import (
    ProviderAuthenticationRequired,
    ProviderDeclined,
    ProviderError,
    ProviderNotConfigured,
    ProviderRejected,
    ProviderThrottled,
    ProviderUnavailable,
    UnableToVerifyWebhook,
)
from settlement.providers.facts import (
    IDEMPOTENCY_KEY_MAX,
    AccountStatus,
    AuthorizeRequest,
    CheckoutRequest,
    CheckoutState,
    DisputeEvidence,
    DisputeState,
    PaymentState,
    ProviderBalanceTransaction,
    ProviderCheckout,
    ProviderDispute,
    ProviderEvent,
    ProviderPayment,
    ProviderPaymentMethod,
    ProviderRefund,
    RefundState,
    SetupRequest,
)

__all__ = [
    "IDEMPOTENCY_KEY_MAX",
    "AccountStatus",
    "AuthorizeRequest",
    "CheckoutRequest",
    "CheckoutState",
    "DisputeEvidence",
    "DisputeState",
    "PaymentProvider",
    "PaymentState",
    "ProviderAuthenticationRequired",
    "ProviderBalanceTransaction",
    "ProviderCheckout",
    "ProviderDeclined",
    "ProviderDispute",
    "ProviderError",
    "ProviderEvent",
    "ProviderNotConfigured",
    "ProviderPayment",
    "ProviderPaymentMethod",
    "ProviderRefund",
    "ProviderRejected",
    "ProviderThrottled",
    "ProviderUnavailable",
    "RefundState",
    "SetupRequest",
    "UnableToVerifyWebhook",
]


@runtime_checkable
class PaymentProvider(Protocol):
    """The provider, whichever it is. Every call may raise a `ProviderError`."""

    name: str

    def authorize(self, request: AuthorizeRequest) -> ProviderPayment:
        """Hold money; on session the state may be `requires_action`."""
        ...

    def open_checkout(self, request: CheckoutRequest) -> ProviderCheckout:
        """Open a page where a payer pays an operator's account."""
        ...

    def open_setup(self, request: SetupRequest) -> ProviderCheckout:
        """Open a page where a payer saves a method."""
        ...

    def fetch_checkout(
        self, *, account: str | None, checkout_ref: str
    ) -> ProviderCheckout:
        """Ask what became of a page."""
        ...

    def expire_checkout(
        self, *, account: str, checkout_ref: str, idempotency_key: str
    ) -> ProviderCheckout:
        """Close a page; one that is closed already is the answer."""
        ...

    def capture(
        self,
        *,
        account: str,
        payment_ref: str,
        amount_minor: int,
        application_fee_minor: int,
        idempotency_key: str,
    ) -> ProviderPayment:
        """Take all or a part of the hold; the rest is released."""
        ...

    def cancel(
        self, *, account: str, payment_ref: str, idempotency_key: str
    ) -> ProviderPayment:
        """Release the hold."""
        ...

    def refund(
        self,
        *,
        account: str,
        payment_ref: str,
        amount_minor: int,
        refund_application_fee: bool,
        idempotency_key: str,
    ) -> ProviderRefund:
        """Give money back from the account's own balance."""
        ...

    def fetch_refund(self, *, account: str, refund_ref: str) -> ProviderRefund:
        """Ask what became of a refund."""
        ...

    def fetch_dispute(self, *, account: str, dispute_ref: str) -> ProviderDispute:
        """Ask how a dispute stands."""
        ...

    def submit_evidence(
        self,
        *,
        account: str,
        dispute_ref: str,
        evidence: DisputeEvidence,
        idempotency_key: str,
    ) -> ProviderDispute:
        """Send the bank what shows that the charge took place; once and for all."""
        ...

    def fetch_state(self, *, account: str, payment_ref: str) -> ProviderPayment:
        """Ask what is true now."""
        ...

    def list_events(
        self, *, account: str | None, after: str | None, limit: int
    ) -> list[ProviderEvent]:
        """Return events newer than `after`, oldest first; None = from the start."""
        ...

    def list_balance_transactions(
        self, *, account: str, after: str | None, limit: int
    ) -> list[ProviderBalanceTransaction]:
        """Return lines newer than `after`, oldest first; None = from the start."""
        ...

    def account_status(self, *, account: str) -> AccountStatus:
        """Ask whether the account can take payments now."""
        ...

    def create_account(
        self, *, country: str, currency: str, email: str, idempotency_key: str
    ) -> str:
        """Make a payee account that the operator onboards; returns its reference."""
        ...

    def onboarding_link(
        self, *, account: str, refresh_url: str, return_url: str
    ) -> str:
        """Return a short-lived address where the operator proves who they are."""
        ...

    def create_customer(self, *, email: str, idempotency_key: str) -> str:
        """Make a payer on the platform (no money); returns its reference."""
        ...

    def attach_payment_method(
        self, *, customer_ref: str, payment_method_ref: str, idempotency_key: str
    ) -> str:
        """Save a method for a payer; returns the saved method's reference."""
        ...

    def describe_payment_method(
        self, *, payment_method_ref: str
    ) -> ProviderPaymentMethod:
        """Ask what a saved method looks like."""
        ...

    def verify_webhook(
        self, *, payload: bytes, signature: str, now: int
    ) -> ProviderEvent:
        """Check who sent a webhook (or `UnableToVerifyWebhook`); `now` in epoch s."""
        ...
