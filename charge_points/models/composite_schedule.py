"""What a station says its limits add up to (GetCompositeSchedule)."""

from django.db import models

from charge_points.models.base import TenantModel


class CompositeSchedule(TenantModel):
    """The newest answer per EVSE; 0 is the station."""

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    evse_number = models.PositiveSmallIntegerField(default=0)
    starts_at = models.DateTimeField()
    duration_s = models.PositiveIntegerField()
    rate_unit = models.CharField(max_length=1)
    periods = models.JSONField(
        help_text='[{"start_s", "limit" (decimal text), "phases"}]'
    )
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "evse_number"],
                name="one_composite_schedule",
            )
        ]

    def __str__(self) -> str:
        """Show the EVSE."""
        return f"composite schedule of EVSE {self.evse_number}"
