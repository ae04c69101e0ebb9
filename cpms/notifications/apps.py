"""Django's configuration of the notifications."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Outlets of the outbox towards operators and drivers."""

    name = "cpms.notifications"
    label = "notifications"
    verbose_name = "Notifications"

    def ready(self) -> None:
        """Subscribe to the outbox."""
        from cpms.notifications import subscribers  # noqa: F401, PLC0415 - registers
