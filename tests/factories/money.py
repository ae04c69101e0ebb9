"""Accounts at the provider simulator, and how it is configured."""

from django.utils import timezone

from cpms.kernel.ids import new_secret
from settlement.providers.registry import get_provider
from settlement.services import payees, splits


def provider_settings(psp):
    """PAYMENT_PROVIDERS for a running simulator."""
    return {
        "stripe": {
            "base_url": psp.base_url,
            "api_key": psp.api_key,
            "webhook_secret": psp.webhook_secret,
            "timeout_s": 5.0,
            # Tests ask faster than anybody, and do not wait for the provider's sake.
            "calls_per_s": 10_000,
            "calls_burst": 10_000,
            "calls_pause_s": 0.001,
        }
    }


def payee_account(psp, operator):
    """An account of the operator at the simulator that can take payments."""
    reference = get_provider("stripe").create_account(
        country=operator.country,
        currency=operator.currency,
        email="owner@example.org",
        idempotency_key=new_secret(),
    )
    psp.control(f"accounts/{reference}", {"onboarded": True})
    return payees.register(
        operator_id=operator.pk,
        provider="stripe",
        reference=reference,
        by="test",
        at=timezone.now(),
    )


def split(operator, *parties, at=None):
    """Agree on a split; (key, role, basis points) each, the operator takes the rest."""
    at = at or timezone.now()
    rest = splits.ALL_BASIS_POINTS - sum(points for _, _, points in parties)
    agreed = [splits.Party("operator", operator.name, "operator", rest)]
    agreed += [
        splits.Party(key, key.title(), role, points) for key, role, points in parties
    ]
    return splits.agree(
        splits.Agreement(
            operator_id=operator.pk,
            site_id=None,
            name="test",
            parties=tuple(agreed),
            valid_from=at,
        ),
        by="test",
        at=at,
    )


def own_key_account(psp, operator):
    """An account that the operator's own restricted key moves, and no platform."""
    reference = get_provider("stripe").create_account(
        country=operator.country,
        currency=operator.currency,
        email="owner@example.org",
        idempotency_key=new_secret(),
    )
    psp.control(f"accounts/{reference}", {"onboarded": True})
    key = psp.control("keys", {"account": reference})["api_key"]
    return payees.register_own_key(
        operator_id=operator.pk,
        provider="stripe",
        reference=reference,
        own=payees.OwnKey(key, new_secret()),
        by="test",
        at=timezone.now(),
    )
