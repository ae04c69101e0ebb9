"""Events that somebody who guards the network should see."""

from django.db import models

from charge_points.models.base import TenantModel


class SecurityEvent(TenantModel):
    """Reported by the station, or noticed by the platform about it."""

    class Source(models.TextChoices):
        """Who noticed."""

        STATION = "station"
        PLATFORM = "platform"

    class Severity(models.TextChoices):
        """Critical: to be looked at at once."""

        CRITICAL = "critical"
        NOTICE = "notice"

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        null=True,
        blank=True,
        help_text="empty: about the network as a whole",
    )
    source = models.CharField(max_length=8, choices=Source)
    kind = models.CharField(max_length=50)
    severity = models.CharField(
        max_length=8,
        choices=Severity,
        default=Severity.NOTICE,
        db_default=Severity.NOTICE,
        help_text="as the standard ranks the kind",
    )
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    detail = models.CharField(max_length=255, blank=True, default="")

    class Meta:
        indexes = [
            models.Index(
                fields=["charge_point", "-received_at"], name="security_event_station"
            )
        ]

    def __str__(self) -> str:
        """Show the kind."""
        return self.kind
