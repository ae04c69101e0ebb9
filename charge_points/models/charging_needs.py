"""What a vehicle asked for and plans (2.0.1 K15 to K17, ISO 15118)."""

from django.db import models

from charge_points.models.base import TenantModel


class ChargingNeeds(TenantModel):
    """The needs of one charge, and the schedule that the vehicle chose."""

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    transaction = models.ForeignKey(
        "charge_points.Transaction",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )
    evse_number = models.PositiveSmallIntegerField()
    transfer_mode = models.CharField(max_length=16, blank=True, default="")
    energy_wh = models.BigIntegerField(null=True, blank=True)
    power_max_w = models.BigIntegerField(null=True, blank=True)
    departure_at = models.DateTimeField(null=True, blank=True)
    soc_percent = models.PositiveSmallIntegerField(null=True, blank=True)
    needs = models.JSONField(default=dict)
    schedule = models.JSONField(null=True, blank=True)
    schedule_based_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField()
    schedule_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["charge_point", "evse_number", "-received_at"],
                name="needs_history",
            )
        ]

    def __str__(self) -> str:
        """Show mode and EVSE."""
        return f"needs of EVSE {self.evse_number}"
