"""What every payment provider does for us, in our own words.

Money is in integer minor units with an upper-case ISO 4217 currency; instants
are aware datetimes. There is no call that moves money from the platform to an
operator: a capture credits the operator's own account.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, Protocol, runtime_checkable

from settlement.providers.errors import (
    ProviderAuthenticationRequired,
    ProviderDeclined,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    UnableToVerifyWebhook,
)

__all__ = [
    "IDEMPOTENCY_KEY_MAX",
    "AccountStatus",
    "AuthorizeRequest",
    "CheckoutRequest",
    "CheckoutState",
    "PaymentProvider",
    "PaymentState",
    "ProviderAuthenticationRequired",
    "ProviderBalanceTransaction",
    "ProviderCheckout",
    "ProviderDeclined",
    "ProviderError",
    "ProviderEvent",
    "ProviderPayment",
    "ProviderPaymentMethod",
    "ProviderRefund",
    "ProviderRejected",
    "ProviderUnavailable",
    "RefundState",
    "SetupRequest",
    "UnableToVerifyWebhook",
]

# Providers allow 255 characters; the rest is for keys that adapters derive.
IDEMPOTENCY_KEY_MAX: Final = 200

PaymentState = Literal[
    "requires_action", "authorized", "captured", "cancelled", "failed", "processing"
]
RefundState = Literal["succeeded", "pending", "failed", "cancelled"]
CheckoutState = Literal["open", "complete", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeRequest:
    """A hold on an operator's own account.

    Attributes:
        account: the provider's reference of the payee's account.
        amount_minor: how much to hold, > 0.
        currency: ISO 4217.
        customer_ref: the platform's customer that owns the payment method;
            None when the method belongs to the payee's account itself.
        payment_method_ref: the saved method.
        order_number: shown in the provider's books.
        idempotency_key: stored by the caller before the call.
        off_session: the payer is not there to answer their bank.
        return_url: where the bank sends the payer back to (on session only).
    """

    account: str
    amount_minor: int
    currency: str
    customer_ref: str | None
    payment_method_ref: str
    order_number: str
    idempotency_key: str
    off_session: bool
    return_url: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no provider may ever see.

        Raises:
            ValueError: no payee account, no key or too long a one, or an amount
                that is not > 0.
        """
        if not self.account or not self.idempotency_key:
            raise ValueError("A hold needs a payee account and an idempotency key.")
        if len(self.idempotency_key) > IDEMPOTENCY_KEY_MAX:
            raise ValueError(
                f"An idempotency key has at most {IDEMPOTENCY_KEY_MAX} characters."
            )
        if self.amount_minor <= 0:
            raise ValueError(f"Cannot hold {self.amount_minor} minor units.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPayment:
    """A payment as the provider knows it now."""

    ref: str
    state: PaymentState
    amount_minor: int
    amount_capturable_minor: int
    amount_received_minor: int
    currency: str
    capture_before: datetime | None = None
    charge_ref: str | None = None
    application_fee_ref: str | None = None
    application_fee_minor: int = 0
    amount_refunded_minor: int = 0
    disputed: bool = False
    decline_code: str | None = None
    action_url: str | None = None
    order_number: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutRequest:
    """A page of the provider's own where a payer pays an operator's account.

    Attributes:
        account: the provider's reference of the payee's account.
        amount_minor: how much to hold, or to take, > 0.
        currency: ISO 4217.
        application_fee_minor: the platform's fee, when the money is taken at once;
            a hold's fee is told at its capture.
        hold: hold the money (True) or take it at once.
        title: what the payer reads beside the amount.
        order_number: shown in the provider's books.
        success_url, cancel_url: where the page sends the payer afterwards.
        locale: of the page; "auto" = the browser's.
        email: known of the payer, or None.
        expires_at: from when on nobody can pay there any more.
        idempotency_key: stored by the caller before the call.
    """

    account: str
    amount_minor: int
    currency: str
    application_fee_minor: int
    hold: bool
    title: str
    order_number: str
    success_url: str
    cancel_url: str
    locale: str
    email: str | None
    expires_at: datetime
    idempotency_key: str

    def __post_init__(self) -> None:
        """Refuse what no provider may ever see.

        Raises:
            ValueError: no payee account, no key, or an amount that is not > 0.
        """
        if not self.account or not self.idempotency_key:
            raise ValueError("A payment page needs a payee account and a key.")
        if not 0 <= self.application_fee_minor <= self.amount_minor or (
            self.amount_minor <= 0
        ):
            raise ValueError(
                f"Cannot ask for {self.amount_minor} minor units with a fee of "
                f"{self.application_fee_minor}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupRequest:
    """A page of the provider's own where a payer saves a method.

    ``account`` None = on the platform, for every connected operator; else on the
    account of the one operator that is asked with its own key.
    """

    account: str | None
    customer_ref: str
    currency: str
    success_url: str
    cancel_url: str
    locale: str
    idempotency_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCheckout:
    """A hosted page as the provider knows it now.

    ``payment`` is what the payer did there so far, ``payment_method_ref`` what a
    page for saving a method saved.
    """

    ref: str
    state: CheckoutState
    url: str | None
    expires_at: datetime
    payment: ProviderPayment | None = None
    customer_ref: str | None = None
    payment_method_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRefund:
    """A refund. `application_fee_refunded_minor` is the sum over the charge."""

    ref: str
    state: RefundState
    amount_minor: int
    currency: str
    payment_ref: str | None
    charge_ref: str | None
    application_fee_refunded_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEvent:
    """That something changed. Only references: amounts are fetched again.

    `account` is None for the platform's own events; `payment_ref` is filled
    when the object is a payment or belongs to one.
    """

    ref: str
    type: str
    account: str | None
    object_type: str
    object_ref: str
    payment_ref: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderBalanceTransaction:
    """One line of the account's balance at the provider.

    `net_minor = amount_minor - fee_minor`, and the fee is the sum of the
    provider's own fee and the platform's application fee.
    """

    ref: str
    type: str
    source_ref: str | None
    amount_minor: int
    fee_minor: int
    provider_fee_minor: int
    application_fee_minor: int
    net_minor: int
    currency: str
    created_at: datetime
    available_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus:
    """What the provider lets a payee account do."""

    account: str
    charges_enabled: bool
    payouts_enabled: bool
    details_submitted: bool
    requirements_due: tuple[str, ...]
    disabled_reason: str | None
    currency: str
    country: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPaymentMethod:
    """What a payer may see of a saved method, so as to tell it from others."""

    ref: str
    customer_ref: str | None
    kind: str
    brand: str
    last4: str
    expires_year: int | None
    expires_month: int | None


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
