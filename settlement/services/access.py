"""How a payee account is reached: by the platform's key, or by the operator's own."""

from cpms.accounts.services.sealing import unseal
from settlement.models import PayeeAccount
from settlement.providers.base import PaymentProvider
from settlement.providers.registry import get_provider, own_key_provider


def provider_for(name: str, account: str) -> PaymentProvider:
    """The provider as it is asked about this account.

    An operator's own key is read from its sealed form for the call and kept in this
    process only.

    Raises:
        UnableToFindProvider: the settings do not know the provider.
        ProviderNotConfigured: the settings lack its key.
        UnableToUnseal: the key was sealed under another KEY_ENCRYPTION_KEY.
    """
    own = (
        PayeeAccount.objects.filter(
            provider=name, reference=account, mode=PayeeAccount.Mode.OWN_KEY
        )
        .values_list(
            "sealed_key", "sealed_webhook_secret", "sealed_former_webhook_secret"
        )
        .first()
    )
    if own is None:
        return get_provider(name)
    key, secret, former = own
    return own_key_provider(
        name,
        account=account,
        api_key=unseal(key),
        webhook_secret=unseal(secret) if secret else "",
        former_secret=unseal(former) if former else "",
    )
