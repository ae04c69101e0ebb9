"""Stripe in connected-account mode: direct charges on the operator's account.

The `Stripe-Account` header names the payee, `application_fee_amount` at the
capture takes the platform's fee; nothing else ever reaches the platform.
"""

from settlement.providers.stripe_connect.adapter import StripeConnect
from settlement.providers.stripe_connect.config import StripeConfig

__all__ = ["StripeConfig", "StripeConnect"]
