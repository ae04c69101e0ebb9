"""Django's configuration of settlement."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SettlementConfig(AppConfig):
    """Payments, splits, ledger."""

    name = "settlement"
    verbose_name = _("Settlement")

    def ready(self) -> None:
        """Subscribe to the work that waits in the outbox."""
        import_module("settlement.tasks")
