"""The Protocol with an operator's own key: bound to one account."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from settlement.providers.base import AuthorizeRequest, ProviderRejected
from settlement.providers.stripe_connect import StripeConfig, StripeConnect

if TYPE_CHECKING:
    from stripe import RequestOptions
    from stripe.params import PaymentIntentCaptureParams, RefundCreateParams


class StripeOwnKey(StripeConnect):
    """Payments on the account that a key belongs to."""

    def __init__(self, config: StripeConfig, *, account: str) -> None:
        """Bind the key of `config` to the account that it belongs to."""
        super().__init__(config)
        self._account = account

    @classmethod
    def of(
        cls,
        platform: StripeConfig,
        *,
        account: str,
        api_key: str,
        webhook_secrets: tuple[str, ...],
    ) -> "StripeOwnKey":
        """Return the adapter at the platform's address, with an operator's key."""
        secrets = tuple(filter(None, webhook_secrets))
        config = replace(
            platform, api_key=api_key, webhook_secrets=secrets, account=account
        )
        return cls(config, account=account)

    def _on(
        self, account: str | None, idempotency_key: str | None = None
    ) -> "RequestOptions":
        """Return options without an account: the key names it already.

        Raises:
            ValueError: another account is asked for than the key's own.
        """
        if account not in {None, self._account}:
            raise ValueError("An operator's own key acts on its own account only.")
        options: RequestOptions = {}
        if idempotency_key is not None:
            options["idempotency_key"] = idempotency_key
        return options

    def _method_on_account(self, request: AuthorizeRequest) -> str:
        return request.payment_method_ref

    def _payer(self, request: AuthorizeRequest, method: str) -> dict[str, str]:
        """Return the parameters that name the payer: the account's own customer."""
        if request.customer_ref is None:
            return {"payment_method": method}
        return {"payment_method": method, "customer": request.customer_ref}

    def _fee(self, application_fee_minor: int) -> "PaymentIntentCaptureParams":
        if application_fee_minor:
            raise ValueError("With an operator's own key the platform takes no fee.")
        return {}

    def _fee_back(self, *, refund_application_fee: bool) -> "RefundCreateParams":
        del refund_application_fee
        return {}

    def _fee_returned(self, made: dict[str, Any]) -> int:
        del made
        return 0

    def create_account(
        self, *, country: str, currency: str, email: str, idempotency_key: str
    ) -> str:
        """Refuse: the operator has its account already."""
        del country, currency, email, idempotency_key
        self._own()

    def onboarding_link(
        self, *, account: str, refresh_url: str, return_url: str
    ) -> str:
        """Refuse: the operator is onboarded in the provider's own pages."""
        del account, refresh_url, return_url
        self._own()

    def _own(self) -> NoReturn:
        raise ProviderRejected(
            "own_key_mode",
            "The operator manages this account in the provider's own pages.",
        )
