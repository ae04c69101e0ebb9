"""The SDK's client as we use it, and its errors in our words."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

import requests
import stripe

from settlement.providers.base import (
    ProviderAuthenticationRequired,
    ProviderDeclined,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from settlement.providers.stripe_connect.config import API_VERSION, StripeConfig

CONNECT_TIMEOUT_S: Final = 5.0

# The SDK would report latencies and the platform's name to the provider.
stripe.enable_telemetry = False


class _ThreadSessions:
    """One connection pool per thread and process, nothing from the environment.

    It stands in for the `requests.Session` that the SDK would make: one must
    not be shared by threads, nor over a worker's fork. Proxies and .netrc of
    the environment are ignored; the latter would replace our authorization.
    """

    def __init__(self) -> None:
        self._local = threading.local()

    def _session(self) -> requests.Session:
        process = os.getpid()
        if getattr(self._local, "process", None) != process:
            session = requests.Session()
            session.trust_env = False
            self._local.session, self._local.process = session, process
        found: requests.Session = self._local.session
        return found

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        return self._session().request(*args, **kwargs)

    def close(self) -> None:
        self._session().close()


def new_client(config: StripeConfig) -> stripe.StripeClient:
    """Return a client with our address, version and timeouts, never retrying.

    Retries are ours: the caller stores the key and decides when to ask again.
    """
    # The SDK uses nothing of a session but `request` and `close`.
    session = cast("requests.Session", _ThreadSessions())
    timeout = (min(CONNECT_TIMEOUT_S, config.timeout_s), config.timeout_s)
    return stripe.StripeClient(
        config.api_key,
        stripe_version=API_VERSION,
        base_addresses={"api": config.base_url},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=timeout, session=session),
    )


def _detail(error: stripe.StripeError) -> dict[str, Any]:
    body = error.json_body
    detail = body.get("error") if isinstance(body, dict) else None
    return detail if isinstance(detail, dict) else {}


def _message(error: stripe.StripeError) -> str:
    return error.user_message or type(error).__name__


def _declined(error: stripe.CardError) -> ProviderError:
    detail = _detail(error)
    payment_ref = (detail.get("payment_intent") or {}).get("id")
    code = detail.get("decline_code") or detail.get("code") or "generic_decline"
    if "authentication_required" in {code, detail.get("code")}:
        return ProviderAuthenticationRequired(_message(error), payment_ref=payment_ref)
    return ProviderDeclined(code, _message(error), payment_ref=payment_ref)


def _retry_after(error: stripe.StripeError) -> int | None:
    value = (error.headers or {}).get("retry-after", "")
    return int(value) if value.isascii() and value.isdigit() else None


def translate(error: stripe.StripeError) -> ProviderError:
    """Return our error for one of the SDK's.

    Everything that leaves open whether the provider did its work is
    `ProviderUnavailable`: 5xx, 429, 409 (the first request with this key still
    runs), unreadable answers, broken connections and timeouts.
    """
    if isinstance(error, stripe.CardError):
        return _declined(error)
    message = _message(error)
    if isinstance(error, stripe.IdempotencyError) and error.http_status != 409:
        return ProviderRejected("idempotency_mismatch", message)
    if isinstance(error, stripe.AuthenticationError):
        return ProviderRejected("authentication_failed", message)
    if isinstance(error, stripe.PermissionError | stripe.InvalidRequestError):
        code = _detail(error).get("code") or "invalid_request"
        return ProviderRejected(code, message, param=_detail(error).get("param"))
    return ProviderUnavailable(message, retry_after_s=_retry_after(error))


@contextmanager
def our_errors() -> Iterator[None]:
    """Raise the SDK's errors as ours."""
    try:
        yield
    except stripe.StripeError as error:
        raise translate(error) from error
