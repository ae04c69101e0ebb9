"""The Protocol on the `stripe` SDK, connected accounts only."""

from typing import TYPE_CHECKING, Any, Final, cast

from settlement.providers.base import (
    AccountStatus,
    AuthorizeRequest,
    ProviderBalanceTransaction,
    ProviderError,
    ProviderEvent,
    ProviderPayment,
    ProviderPaymentMethod,
    ProviderRejected,
)
from settlement.providers.stripe_connect import listing, mapping, webhook
from settlement.providers.stripe_connect.config import StripeConfig
from settlement.providers.stripe_connect.hosted import HostedPages
from settlement.providers.stripe_connect.money_back import MoneyBack
from settlement.providers.stripe_connect.transport import new_client, our_errors

if TYPE_CHECKING:
    from stripe import RequestOptions
    from stripe.params import (
        BalanceTransactionListParams,
        EventListParams,
        PaymentIntentCaptureParams,
        PaymentIntentCreateParams,
    )

_CHARGE: Final = ["latest_charge"]
_WRONG_STATE: Final = "payment_intent_unexpected_state"
_BLOCKED: Final = "account_blocked"


class StripeConnect(HostedPages, MoneyBack):
    """Direct charges on operators' own accounts."""

    def __init__(self, config: StripeConfig) -> None:
        """Prepare the client; nothing is called yet."""
        self.name = config.name
        self._config = config
        self._api = new_client(config).v1

    def __repr__(self) -> str:
        """Name provider and address, never a secret."""
        return f"StripeConnect({self._config!r})"

    def _on(
        self, account: str | None, idempotency_key: str | None = None
    ) -> "RequestOptions":
        """Return the options of a call on a payee's account; None = the platform.

        An empty account would silently act on the platform: refused.
        """
        if account == "":
            raise ValueError("A payment call needs the payee's account reference.")
        options: RequestOptions = {}
        if account is not None:
            options["stripe_account"] = account
        if idempotency_key is not None:
            options["idempotency_key"] = idempotency_key
        return options

    def authorize(self, request: AuthorizeRequest) -> ProviderPayment:
        """Hold money on the payee's account.

        A platform-saved method is cloned to the account first; both steps
        have keys derived from the given one, so asking again repeats neither.
        """
        try:
            with our_errors():
                return self._hold(request, self._method_on_account(request))
        except ProviderRejected as rejected:
            raise self._explained(rejected, request.account) from rejected

    def _method_on_account(self, request: AuthorizeRequest) -> str:
        if request.customer_ref is None:
            return request.payment_method_ref
        clone = self._api.payment_methods.create(
            {
                "customer": request.customer_ref,
                "payment_method": request.payment_method_ref,
            },
            self._on(request.account, f"{request.idempotency_key}:clone"),
        )
        return clone.id

    def _payer(self, _request: AuthorizeRequest, method: str) -> dict[str, str]:
        """Return the parameters that name the payer: a cloned method has no owner."""
        return {"payment_method": method}

    def _hold(self, request: AuthorizeRequest, method: str) -> ProviderPayment:
        params: dict[str, Any] = {
            "amount": request.amount_minor,
            "currency": request.currency.lower(),
            "capture_method": "manual",
            "confirm": True,
            **self._payer(request, method),
            "allowed_payment_method_types": ["card"],
            "metadata": mapping.metadata(request.order_number, request.sequence),
            "expand": _CHARGE,
        }
        if request.off_session:
            params["off_session"] = True
        elif request.return_url is not None:
            params["return_url"] = request.return_url
        options = self._on(request.account, request.idempotency_key)
        intent = self._api.payment_intents.create(
            cast("PaymentIntentCreateParams", params), options
        )
        return mapping.payment(intent.to_dict())

    def _explained(self, rejected: ProviderRejected, account: str) -> ProviderError:
        """Tell a blocked account from a wrong request."""
        try:
            status = self.account_status(account=account)
        except ProviderError:
            return rejected
        if status.charges_enabled:
            return rejected
        due = ", ".join(status.requirements_due) or "nothing listed"
        return ProviderRejected(
            _BLOCKED,
            f"Account {account} cannot take payments "
            f"({status.disabled_reason or 'not yet onboarded'}; due: {due}). "
            "The operator has to complete the onboarding.",
            provider_message=rejected.message,
        )

    def capture(
        self,
        *,
        account: str,
        payment_ref: str,
        amount_minor: int,
        application_fee_minor: int,
        idempotency_key: str,
    ) -> ProviderPayment:
        """Take all or a part of a hold, the platform's fee with it.

        A payment that is already captured with the same amounts is the
        answer, not an error: the key may have outlived the provider's memory.
        """
        if not 0 <= application_fee_minor <= amount_minor or amount_minor == 0:
            raise ValueError(
                f"Cannot capture {amount_minor} with a fee of {application_fee_minor}."
            )
        options = self._on(account, idempotency_key)
        try:
            with our_errors():
                intent = self._api.payment_intents.capture(
                    payment_ref,
                    {
                        "amount_to_capture": amount_minor,
                        "expand": _CHARGE,
                        **self._fee(application_fee_minor),
                    },
                    options,
                )
        except ProviderRejected as rejected:
            known = self._known_after(rejected, account, payment_ref)
            amounts = (known.amount_received_minor, known.application_fee_minor)
            if known.state != "captured" or amounts != (
                amount_minor,
                application_fee_minor,
            ):
                raise
            return known
        return mapping.payment(intent.to_dict())

    def _fee(self, application_fee_minor: int) -> "PaymentIntentCaptureParams":
        """Return the parameter that gives the platform its fee."""
        return {"application_fee_amount": application_fee_minor}

    def cancel(
        self, *, account: str, payment_ref: str, idempotency_key: str
    ) -> ProviderPayment:
        """Release a hold; one that is already released is the answer."""
        options = self._on(account, idempotency_key)
        try:
            with our_errors():
                intent = self._api.payment_intents.cancel(
                    payment_ref, {"expand": _CHARGE}, options
                )
        except ProviderRejected as rejected:
            known = self._known_after(rejected, account, payment_ref)
            if known.state != "cancelled":
                raise
            return known
        return mapping.payment(intent.to_dict())

    def _known_after(
        self, rejected: ProviderRejected, account: str, payment_ref: str
    ) -> ProviderPayment:
        """Return the payment whose state refused a move; re-raise other errors."""
        if rejected.code != _WRONG_STATE:
            raise self._explained(rejected, account) from rejected
        return self.fetch_state(account=account, payment_ref=payment_ref)

    def fetch_state(self, *, account: str, payment_ref: str) -> ProviderPayment:
        """Ask what is true now."""
        with our_errors():
            intent = self._api.payment_intents.retrieve(
                payment_ref, {"expand": _CHARGE}, self._on(account)
            )
        return mapping.payment(intent.to_dict())

    def list_events(
        self, *, account: str | None, after: str | None, limit: int
    ) -> list[ProviderEvent]:
        """Return events newer than `after`, oldest first."""
        options = self._on(account)

        def fetch(params: dict[str, Any]) -> listing.Page:
            asked = cast("EventListParams", params)
            return self._api.events.list(asked, options).to_dict()

        with our_errors():
            found = listing.newer(fetch, after=after, limit=limit)
        return [mapping.event(event) for event in found]

    def list_balance_transactions(
        self, *, account: str, after: str | None, limit: int
    ) -> list[ProviderBalanceTransaction]:
        """Return lines of the account's balance newer than `after`, oldest first."""
        options = self._on(account)

        def fetch(params: dict[str, Any]) -> listing.Page:
            asked = cast("BalanceTransactionListParams", params)
            found = self._api.balance_transactions.list(asked, options)
            return found.to_dict()

        with our_errors():
            found = listing.newer(fetch, after=after, limit=limit)
        return [mapping.balance_transaction(line) for line in found]

    def account_status(self, *, account: str) -> AccountStatus:
        """Ask whether the account can take payments now."""
        if not account:
            raise ValueError("Which account? The reference is empty.")
        with our_errors():
            return mapping.account(self._api.accounts.retrieve(account).to_dict())

    def create_account(
        self, *, country: str, currency: str, email: str, idempotency_key: str
    ) -> str:
        """Make an account that the operator owns: own dashboard, own payouts.

        The operator pays the provider's fees and the provider carries losses,
        so that the platform is in nobody's way.
        """
        with our_errors():
            account = self._api.accounts.create(
                {
                    "country": country,
                    "default_currency": currency.lower(),
                    "email": email,
                    "controller": {
                        "fees": {"payer": "account"},
                        "losses": {"payments": "stripe"},
                        "requirement_collection": "stripe",
                        "stripe_dashboard": {"type": "full"},
                    },
                    "capabilities": {
                        "card_payments": {"requested": True},
                        "transfers": {"requested": True},
                    },
                },
                {"idempotency_key": idempotency_key},
            )
        return account.id

    def onboarding_link(
        self, *, account: str, refresh_url: str, return_url: str
    ) -> str:
        """Return a short-lived address of the provider's onboarding."""
        with our_errors():
            link = self._api.account_links.create(
                {
                    "account": account,
                    "refresh_url": refresh_url,
                    "return_url": return_url,
                    "type": "account_onboarding",
                }
            )
        return link.url

    def create_customer(self, *, email: str, idempotency_key: str) -> str:
        """Make a payer on the platform; no money is ever booked there."""
        with our_errors():
            customer = self._api.customers.create(
                {"email": email}, {"idempotency_key": idempotency_key}
            )
        return customer.id

    def attach_payment_method(
        self, *, customer_ref: str, payment_method_ref: str, idempotency_key: str
    ) -> str:
        """Save a method for a payer of the platform."""
        with our_errors():
            method = self._api.payment_methods.attach(
                payment_method_ref,
                {"customer": customer_ref},
                {"idempotency_key": idempotency_key},
            )
        return method.id

    def describe_payment_method(
        self, *, payment_method_ref: str
    ) -> ProviderPaymentMethod:
        """Ask what a method saved on the platform looks like."""
        with our_errors():
            found = self._api.payment_methods.retrieve(payment_method_ref)
        return mapping.payment_method(found.to_dict())

    def verify_webhook(
        self, *, payload: bytes, signature: str, now: int
    ) -> ProviderEvent:
        """Check a webhook's signature and time, and read its references."""
        secrets = self._config.webhook_secrets
        return webhook.verify(payload, signature, secrets, now)
