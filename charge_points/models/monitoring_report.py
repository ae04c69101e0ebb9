"""Reports of monitors, which come in parts (2.0.1 N02)."""

from django.db import models

from charge_points.models.base import TenantModel


class MonitoringReport(TenantModel):
    """One GetMonitoringReport and how much of its answer has come."""

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    request_id = models.BigIntegerField()
    status = models.CharField(max_length=16, blank=True, default="")
    is_whole = models.BooleanField(
        default=False, help_text="all monitors were asked for"
    )
    parts = models.JSONField(default=dict, help_text="sequence number -> monitor ids")
    last_part = models.PositiveIntegerField(null=True, blank=True)
    asked_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "request_id"], name="one_monitoring_report"
            )
        ]

    def __str__(self) -> str:
        """Show the request."""
        return f"monitoring report {self.request_id}"
