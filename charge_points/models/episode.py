"""A plug-in episode: a request for a certificate, never proof of a vehicle."""

from django.db import models

from charge_points.models.base import TenantModel


class PlugInEpisode(TenantModel):
    """From plugged in to unplugged, as far as the station told (design page 1.1)."""

    class Cause(models.TextChoices):
        """What began or ended it."""

        STATUS = "status"
        REQUEST = "request"
        TRANSACTION = "transaction"
        BOOT = "boot"

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    connector = models.ForeignKey(
        "charge_points.Connector",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    started_by = models.CharField(max_length=12, choices=Cause)
    ended_by = models.CharField(max_length=12, choices=Cause, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connector"],
                condition=models.Q(ended_at__isnull=True),
                name="one_live_episode_per_connector",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True)
                | models.Q(ended_at__gte=models.F("started_at")),
                name="episode_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        """Show since when."""
        return f"plugged in since {self.started_at:%Y-%m-%d %H:%M:%S}"
