"""Django's configuration of the accounts room."""

from importlib import import_module

from django.apps import AppConfig
from django.db.models.signals import class_prepared
from django.utils.translation import gettext_lazy as _

from cpms.accounts.model_words import speak


class AccountsConfig(AppConfig):
    """Users, operators, drivers, vehicles and keys."""

    name = "cpms.accounts"
    label = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        """The console's pages that are made of others, after those."""
        import_module("cpms.accounts.audit_page")
        import_module("cpms.accounts.keys_page")

    def import_models(self) -> None:
        """Hear of every model that is made from here on: of all rooms."""
        class_prepared.connect(speak, dispatch_uid="model_words")
        super().import_models()
