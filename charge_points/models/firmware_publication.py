"""Firmware that a local controller offers to the stations behind it (2.0.1 L03)."""

from django.db import models

from charge_points.models.base import TenantModel


class FirmwarePublication(TenantModel):
    """One publication by its checksum; ``status`` is the controller's last word."""

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    request_id = models.BigIntegerField()
    checksum = models.CharField(max_length=32, help_text="MD5")
    location = models.CharField(max_length=512, help_text="secrets masked")
    command_number = models.BigIntegerField(null=True, blank=True)
    status = models.CharField(max_length=32)
    published_at_addresses = models.JSONField(default=list)
    history = models.JSONField(default=list, help_text="[[status, time], …]")
    requested_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "request_id"], name="one_firmware_publication"
            )
        ]

    def __str__(self) -> str:
        """Show how far it is."""
        return f"firmware publication {self.request_id} ({self.status})"
