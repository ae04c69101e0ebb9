"""Limits that somebody else put on a station (2.0.1 K12 to K14)."""

from django.db import models

from charge_points.models.base import TenantModel


class ChargingLimit(TenantModel):
    """An external limit from its notification until it is cleared."""

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    evse_number = models.PositiveSmallIntegerField(default=0)
    source = models.CharField(max_length=8, help_text="EMS, Other, SO or CSO")
    is_grid_critical = models.BooleanField(default=False)
    schedules = models.JSONField(default=list)
    began_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "evse_number", "source"],
                condition=models.Q(cleared_at__isnull=True),
                name="one_limit_per_source",
            )
        ]
        indexes = [
            models.Index(fields=["charge_point", "-began_at"], name="limit_history")
        ]

    def __str__(self) -> str:
        """Show the source."""
        return f"limit of {self.source}"
