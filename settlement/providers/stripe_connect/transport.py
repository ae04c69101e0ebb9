"""The SDK's client as we use it, and its errors in our words."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast
from urllib.parse import urlsplit

import requests
import stripe

from settlement.providers import door
from settlement.providers.base import (
    ProviderAuthenticationRequired,
    ProviderDeclined,
    ProviderError,
    ProviderRejected,
    ProviderThrottled,
    ProviderUnavailable,
)
from settlement.providers.stripe_connect.config import API_VERSION, StripeConfig

CONNECT_TIMEOUT_S: Final = 5.0
TOO_MANY: Final = 429
_ACCOUNT: Final = "Stripe-Account"
_PLATFORM: Final = "platform"

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


class _Paced(stripe.RequestsClient):
    """The SDK's HTTP, through our door: see ``settlement.providers.door``."""

    def __init__(self, config: StripeConfig, **how: Any) -> None:
        super().__init__(**how)
        self._config = config

    def request(  # type: ignore[override]  # as the class of the SDK's own has it
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,  # noqa: ANN401 - the SDK's own
    ) -> tuple[bytes, int, Mapping[str, str]]:
        place = self._place((headers or {}).get(_ACCOUNT, ""))
        struck = door.enter(place, self._config.pace)
        answer = super().request(method, url, headers, post_data)
        if answer[1] == TOO_MANY:
            wait_s = door.too_many(place, self._config.pace, wish_s=_seconds(answer[2]))
            raise ProviderThrottled(
                f"The provider has too many calls about {place}.",
                retry_after_s=wait_s,
            )
        if struck:
            door.went_well(place)
        return answer

    def _place(self, account: str) -> str:
        who = account or self._config.account or _PLATFORM
        host = urlsplit(self._config.base_url).netloc
        return f"{self._config.name}:{who}@{host}"


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
        http_client=_Paced(config, timeout=timeout, session=session),
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


def _seconds(headers: Mapping[str, str] | None) -> int | None:
    value = (headers or {}).get("retry-after", "")
    return int(value) if value.isascii() and value.isdigit() else None


def translate(error: stripe.StripeError) -> ProviderError:
    """Return our error for one of the SDK's.

    Everything that leaves open whether the provider did its work is
    `ProviderUnavailable`: 5xx, 409 (the first request with this key still
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
    return ProviderUnavailable(message, retry_after_s=_seconds(error.headers))


@contextmanager
def our_errors() -> Iterator[None]:
    """Raise the SDK's errors as ours."""
    try:
        yield
    except stripe.StripeError as error:
        raise translate(error) from error
