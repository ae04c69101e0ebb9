"""What payment providers are asked and tell, in our own words.

Money is in integer minor units with an upper-case ISO 4217 currency; instants are
aware datetimes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

# Providers allow 255 characters; the rest is for keys that adapters derive.
IDEMPOTENCY_KEY_MAX: Final = 200

PaymentState = Literal[
    "requires_action", "authorized", "captured", "cancelled", "failed", "processing"
]
RefundState = Literal["succeeded", "pending", "failed", "cancelled"]
CheckoutState = Literal["open", "complete", "expired"]
DisputeState = Literal["open", "submitted", "won", "lost"]


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
        sequence: which payment of the order; shown there too.
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
    sequence: int = 1

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
    sequence: int | None = None
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
        sequence: which payment of the order; shown there too.
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
    sequence: int = 1

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
    when the object is a payment or belongs to one. An `is_echo` need not be looked
    into: another event of the same change names what changed.
    """

    ref: str
    type: str
    account: str | None
    object_type: str
    object_ref: str
    payment_ref: str | None
    created_at: datetime
    is_echo: bool = False


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
    """What the provider lets a payee account do.

    `due_by`: when it begins to block the account, if the requirements are still due.
    """

    account: str
    charges_enabled: bool
    payouts_enabled: bool
    details_submitted: bool
    requirements_due: tuple[str, ...]
    disabled_reason: str | None
    currency: str
    country: str | None
    due_by: datetime | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDispute:
    """A payment that the payer's bank took back, as the provider knows it now."""

    ref: str
    state: DisputeState
    amount_minor: int
    currency: str
    reason: str
    payment_ref: str | None
    charge_ref: str | None
    due_at: datetime | None
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeEvidence:
    """What shows that the charge took place, for the payer's bank to read.

    All texts are written from facts; an empty one is not sent.
    """

    product_description: str
    service_date: str
    customer_email: str
    activity_log: str
    refund_policy: str
    text: str
