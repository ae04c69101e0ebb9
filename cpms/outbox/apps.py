"""Django's configuration of the outbox."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """Event rows and their delivery."""

    name = "cpms.outbox"
    label = "outbox"
    verbose_name = "Outbox"
