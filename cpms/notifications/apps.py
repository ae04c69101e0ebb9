"""Django's configuration of the notifications."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """Outlets of the outbox towards operators and drivers."""

    name = "cpms.notifications"
    label = "notifications"
    verbose_name = _("Notifications")

    def ready(self) -> None:
        """Subscribe to the outbox."""
        from cpms.notifications import subscribers  # noqa: F401, PLC0415 - registers
