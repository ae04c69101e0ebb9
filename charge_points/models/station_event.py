"""What stations notice about their own variables (2.0.1 NotifyEvent, N07)."""

from django.db import models

from charge_points.models.base import TenantModel


class StationEvent(TenantModel):
    """One event as the station told it."""

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    event_id = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    trigger = models.CharField(max_length=16, help_text="Alerting, Delta, Periodic")
    notification_type = models.CharField(max_length=24)
    cause = models.BigIntegerField(
        null=True, blank=True, help_text="event id that caused it"
    )
    component = models.CharField(max_length=50)
    component_instance = models.CharField(max_length=50, blank=True, default="")
    evse_number = models.IntegerField(null=True, blank=True)
    connector_number = models.IntegerField(null=True, blank=True)
    variable = models.CharField(max_length=50)
    variable_instance = models.CharField(max_length=50, blank=True, default="")
    actual_value = models.TextField()
    monitor_id = models.BigIntegerField(null=True, blank=True)
    severity = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="of its monitor, as far as it is known"
    )
    tech_code = models.CharField(max_length=50, blank=True, default="")
    tech_info = models.CharField(max_length=500, blank=True, default="")
    is_cleared = models.BooleanField(default=False)
    transaction_id = models.CharField(max_length=36, blank=True, default="")

    class Meta:
        constraints = [
            # Event ids begin anew after a reboot.
            models.UniqueConstraint(
                fields=["charge_point", "event_id", "occurred_at"],
                name="one_station_event",
            )
        ]
        indexes = [
            models.Index(
                fields=["charge_point", "-received_at"], name="station_event_station"
            )
        ]

    def __str__(self) -> str:
        """Show what it is about."""
        return f"{self.component}.{self.variable}: {self.actual_value[:50]}"
