"""Django's configuration of billing."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    """Orders, tariffs, CDRs, receipts."""

    name = "billing"
    verbose_name = _("Billing")

    def ready(self) -> None:
        """Subscribe to the facts of the other rooms."""
        import_module("billing.subscribers")
