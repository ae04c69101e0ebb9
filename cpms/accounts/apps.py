"""Django's configuration of the accounts room."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, operators, drivers, vehicles and keys."""

    name = "cpms.accounts"
    label = "accounts"
    verbose_name = "Accounts"
