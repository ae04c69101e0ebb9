"""What can go wrong with a provider, in our own words."""

from typing import ClassVar

from cpms.kernel.errors import DomainError


class ProviderError(DomainError):
    """A provider call that did not do what was asked."""


class ProviderDeclined(ProviderError):
    """The payer's bank said no. Final for this attempt: never ask again as is.

    `payment_ref` names the provider's payment, when one was made; it holds no
    money.
    """

    http_status: ClassVar[int] = 402

    def __init__(
        self, decline_code: str, message: str, *, payment_ref: str | None = None
    ) -> None:
        """Keep the bank's reason."""
        super().__init__("payment_declined", message, decline_code=decline_code)
        self.decline_code = decline_code
        self.payment_ref = payment_ref


class ProviderAuthenticationRequired(ProviderDeclined):
    """The bank wants to ask the payer, who is not there (off session)."""

    def __init__(self, message: str, *, payment_ref: str | None = None) -> None:
        """Fix the decline code."""
        super().__init__("authentication_required", message, payment_ref=payment_ref)


class ProviderUnavailable(ProviderError):
    """No answer, or none that tells what happened: ask again with the SAME key.

    `retry_after_s` is the provider's own wish, when it told one.
    """

    http_status: ClassVar[int] = 503

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        """Keep the provider's wish."""
        super().__init__("provider_unavailable", message)
        self.retry_after_s = retry_after_s


class ProviderThrottled(ProviderUnavailable):
    """Too many calls about this account: nothing was done, come back later.

    Said by our own door, or by the provider (429). It is no try: the same question
    with the same key waits for ``retry_after_s``, however often it is told so.
    """

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        """Keep when to come back, in seconds."""
        super().__init__(message)
        self.code = "provider_throttled"
        self.wait_s = retry_after_s
        self.retry_after_s = retry_after_s


class ProviderNotConfigured(ProviderUnavailable):
    """The settings lack what reaches the provider; asking later may find it there."""

    def __init__(self, message: str) -> None:
        """Keep what is missing, and where."""
        super().__init__(message)
        self.code = "provider_not_configured"


class ProviderRejected(ProviderError):
    """Our request is wrong or the account is blocked: asking again is useless.

    `code` is the provider's word, or `account_blocked` when the account cannot
    take payments, `authentication_failed` when our key is wrong,
    `idempotency_mismatch` when a key was used with other parameters.
    """

    http_status: ClassVar[int] = 422


class UnableToVerifyWebhook(ProviderError):
    """A webhook that the provider did not sign, or signed too long ago."""

    http_status: ClassVar[int] = 400
