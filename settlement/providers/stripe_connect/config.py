"""Settings of one Stripe connection."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import urlsplit

from settlement.providers.door import (
    CALLS_BURST_DEFAULT,
    CALLS_PER_S_DEFAULT,
    PAUSE_FIRST_S_DEFAULT,
    Pace,
)

API_VERSION: Final = "2026-08-26.dahlia"
TIMEOUT_S_DEFAULT: Final = 10.0
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeConfig:
    """Where and as whom to call. Secrets never show in its repr.

    `webhook_secrets` holds more than one while a secret is rolled, and when
    platform and connected accounts have endpoints of their own. `account` is whose
    own key this is; empty: the platform's. `pace` holds for each account by itself.
    """

    name: str
    base_url: str
    api_key: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)
    timeout_s: float = TIMEOUT_S_DEFAULT
    account: str = ""
    pace: Pace = field(default_factory=Pace)

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: says which value is missing or wrong, never its content.
        """
        where = f"PAYMENT_PROVIDERS['{self.name}']"
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{where}: base_url must be an http(s) address.")
        if parts.scheme == "http" and self.api_key.startswith(("sk_live", "rk_live")):
            raise ValueError(f"{where}: a live key needs an https base_url.")
        if not self.api_key:
            raise ValueError(f"{where}: api_key is missing.")
        if self.timeout_s <= 0:
            raise ValueError(f"{where}: timeout_s must be positive.")

    @classmethod
    def from_mapping(cls, name: str, values: Mapping[str, Any]) -> Self:
        """Read the settings' form; `webhook_secret` is one or a list."""
        secrets = values.get("webhook_secret") or ()
        if isinstance(secrets, str):
            secrets = (secrets,)
        return cls(
            name=name,
            base_url=str(values.get("base_url", "")).rstrip("/"),
            api_key=str(values.get("api_key", "")),
            webhook_secrets=tuple(secrets),
            timeout_s=float(values.get("timeout_s", TIMEOUT_S_DEFAULT)),
            pace=Pace(
                float(values.get("calls_per_s", CALLS_PER_S_DEFAULT)),
                int(values.get("calls_burst", CALLS_BURST_DEFAULT)),
                float(values.get("calls_pause_s", PAUSE_FIRST_S_DEFAULT)),
            ),
        )
