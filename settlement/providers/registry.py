"""Which provider a name means: from the settings, one object per process."""

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Final

from django.conf import settings
from django.core.signals import setting_changed

from settlement.providers.base import PaymentProvider, ProviderNotConfigured
from settlement.providers.stripe_connect import StripeConfig, StripeConnect
from settlement.providers.stripe_own_key import StripeOwnKey

Builder = Callable[[str, Mapping[str, Any]], PaymentProvider]


def _stripe_connect(name: str, values: Mapping[str, Any]) -> PaymentProvider:
    return StripeConnect(StripeConfig.from_mapping(name, values))


ADAPTERS: Final[Mapping[str, Builder]] = {"stripe_connect": _stripe_connect}
_DEFAULT_ADAPTER: Final = "stripe_connect"


OWN_KEY_ADAPTERS_MAX: Final = 1_000


class UnableToFindProvider(LookupError):
    """A payee account names a provider that the settings do not know."""


@cache
def get_provider(name: str) -> PaymentProvider:
    """Return the provider configured as `PAYMENT_PROVIDERS[name]`.

    Raises:
        UnableToFindProvider: no such entry, or it names an unknown adapter.
        ProviderNotConfigured: the entry misses a value, such as the key.
    """
    configured: Mapping[str, Mapping[str, Any]] = settings.PAYMENT_PROVIDERS
    values = configured.get(name)
    if values is None:
        known = ", ".join(sorted(configured)) or "none"
        raise UnableToFindProvider(
            f"Payment provider '{name}' is not in PAYMENT_PROVIDERS (known: {known}). "
            "Configure it or correct the payee account."
        )
    adapter = values.get("adapter", _DEFAULT_ADAPTER)
    builder = ADAPTERS.get(adapter)
    if builder is None:
        raise UnableToFindProvider(
            f"PAYMENT_PROVIDERS['{name}'] names the unknown adapter '{adapter}'; "
            f"known: {', '.join(ADAPTERS)}."
        )
    try:
        return builder(name, values)
    except ValueError as error:
        raise ProviderNotConfigured(
            f"{error} Set STRIPE_API_KEY and its companions "
            "(docs/reference/settings.md) and restart."
        ) from error


@lru_cache(maxsize=OWN_KEY_ADAPTERS_MAX)
def own_key_provider(
    name: str,
    *,
    account: str,
    api_key: str,
    webhook_secret: str,
    former_secret: str = "",
) -> PaymentProvider:
    """Return provider `name` as one operator reaches it with its own key.

    `former_secret` signs webhooks too, while the endpoint is changed.

    Raises:
        UnableToFindProvider: no such entry in PAYMENT_PROVIDERS.
        ProviderNotConfigured: the entry misses a value.
    """
    get_provider(name)
    platform = StripeConfig.from_mapping(name, settings.PAYMENT_PROVIDERS[name])
    return StripeOwnKey.of(
        platform,
        account=account,
        api_key=api_key,
        webhook_secrets=(webhook_secret, former_secret),
    )


def _forget(*, setting: str, **_: object) -> None:
    if setting == "PAYMENT_PROVIDERS":
        get_provider.cache_clear()
        own_key_provider.cache_clear()


setting_changed.connect(_forget, dispatch_uid="settlement.providers.registry")
