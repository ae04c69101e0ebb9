"""Stripe in own-key mode: the operator's own restricted key, on its own account.

No `Stripe-Account` header and no application fee: nothing of the platform is in
between, and the platform could not take anything if it wanted to.
"""

from settlement.providers.stripe_own_key.adapter import StripeOwnKey

__all__ = ["StripeOwnKey"]
