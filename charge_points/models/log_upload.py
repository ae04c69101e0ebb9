"""Diagnostics and logs that stations upload (1.6 5.9 and whitepaper, 2.0.1 N01)."""

from django.db import models

from charge_points.models.base import TenantModel
from charge_points.models.states import LOG_UPLOAD


class LogUpload(TenantModel):
    """One request for a log, how far it is, and the file when it came to us."""

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    request_id = models.BigIntegerField()
    kind = models.CharField(max_length=16, help_text="DiagnosticsLog or SecurityLog")
    location = models.CharField(
        max_length=512, blank=True, default="", help_text="empty: our own endpoint"
    )
    command_number = models.BigIntegerField(
        null=True, blank=True, help_text="the command that asked for it"
    )
    status = models.CharField(
        max_length=24,
        choices=[(word, word) for word in LOG_UPLOAD.states],
        default="Requested",
    )
    detail = models.CharField(max_length=120, blank=True, default="")
    history = models.JSONField(default=list, help_text="[[status, time], …]")
    oldest_at = models.DateTimeField(null=True, blank=True)
    latest_at = models.DateTimeField(null=True, blank=True)
    requested_by = models.CharField(max_length=120, blank=True, default="")
    requested_at = models.DateTimeField()
    upload_until = models.DateTimeField(help_text="our endpoint takes nothing later")
    ended_at = models.DateTimeField(null=True, blank=True)
    file_name = models.CharField(
        max_length=255, blank=True, default="", help_text="as the station calls it"
    )
    stored_as = models.CharField(max_length=100, blank=True, default="")
    size_bytes = models.BigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    received_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "request_id"], name="one_log_upload"
            )
        ]
        indexes = [
            models.Index(
                fields=["command_number"],
                condition=models.Q(status="Requested"),
                name="log_upload_requested",
            )
        ]

    def __str__(self) -> str:
        """Show how far it is."""
        return f"{self.kind} {self.request_id} ({self.status})"
