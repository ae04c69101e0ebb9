"""What people do not want to hear, and when they sleep."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class _Settings(models.Model):
    """Muted kinds and quiet hours (local time; from later than until wraps)."""

    muted = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC", help_text="IANA name")

    class Meta:
        abstract = True


class DriverNotificationSettings(_Settings):
    """A driver's."""

    driver = models.OneToOneField("accounts.Driver", on_delete=models.CASCADE)

    def __str__(self) -> str:
        """Show whose they are."""
        return f"notification settings of driver {self.driver_id}"


class StaffNotificationSettings(_Settings):
    """A member of staff's, for all operators that they work for."""

    user = models.OneToOneField("accounts.User", on_delete=models.CASCADE)

    class Meta:
        verbose_name = verbose_name_plural = "my notifications"

    def __str__(self) -> str:
        """Show whose they are."""
        return f"notification settings of {self.user}"
