"""Django's configuration of the outbox."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OutboxConfig(AppConfig):
    """Event rows and their delivery."""

    name = "cpms.outbox"
    label = "outbox"
    verbose_name = _("Outbox")
