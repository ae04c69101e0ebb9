"""Settlement's edge: webhooks of the payment providers."""
