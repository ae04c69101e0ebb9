"""Firmware updates of stations (1.6 5.19 and whitepaper, 2.0.1 L01, L02)."""

from django.db import models

from charge_points.models.base import TenantModel
from charge_points.models.states import FIRMWARE_UPDATE


class FirmwareUpdate(TenantModel):
    """One update of one station, by its request id.

    ``status`` is the station's last word, see ``models.states.FIRMWARE_UPDATE``.
    1.6 without signature has no request ids: there the newest open update is meant.
    """

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    request_id = models.BigIntegerField()
    firmware = models.ForeignKey(
        "charge_points.FirmwareFile",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        help_text="empty: the file is somewhere else",
    )
    location = models.CharField(
        max_length=512, blank=True, default="", help_text="secrets masked"
    )
    command_number = models.BigIntegerField(
        null=True, blank=True, help_text="the command that asked for it"
    )
    is_signed = models.BooleanField(default=False)
    status = models.CharField(
        max_length=32,
        choices=[(word, word) for word in FIRMWARE_UPDATE.states],
        default="Requested",
    )
    detail = models.CharField(max_length=120, blank=True, default="")
    history = models.JSONField(default=list, help_text="[[status, time], …]")
    retrieve_at = models.DateTimeField(null=True, blank=True)
    install_at = models.DateTimeField(null=True, blank=True)
    requested_by = models.CharField(max_length=120, blank=True, default="")
    requested_at = models.DateTimeField()
    downloaded_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "request_id"], name="one_firmware_update"
            )
        ]
        indexes = [
            models.Index(
                fields=["command_number"],
                condition=models.Q(status="Requested"),
                name="firmware_update_requested",
            )
        ]

    def __str__(self) -> str:
        """Show how far it is."""
        return f"firmware update {self.request_id} ({self.status})"
