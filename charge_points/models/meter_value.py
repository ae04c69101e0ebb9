"""Meter values: the one table that grows with every minute of every charge."""

from django.db import models

from charge_points.models.base import TenantModel


class MeterValue(TenantModel):
    """What a meter showed at one instant in one reading context.

    Partitioned by month of ``sampled_at`` (migration 0002; ``tasks`` adds months).
    ``digest`` covers everything that was reported, so that a repeat is one row and a
    contradiction is a second one.
    """

    pk = models.CompositePrimaryKey("charge_point_id", "sampled_at", "digest")
    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
    )
    transaction = models.ForeignKey(
        "charge_points.Transaction",
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="meter_values",
    )
    evse_number = models.SmallIntegerField()
    connector_number = models.SmallIntegerField()
    sampled_at = models.DateTimeField()
    received_at = models.DateTimeField()
    context = models.CharField(max_length=24)
    location = models.CharField(max_length=8)
    energy_wh = models.DecimalField(max_digits=16, decimal_places=3, null=True)
    power_w = models.DecimalField(max_digits=12, decimal_places=3, null=True)
    current_a = models.DecimalField(max_digits=10, decimal_places=3, null=True)
    voltage_v = models.DecimalField(max_digits=10, decimal_places=3, null=True)
    soc_percent = models.DecimalField(max_digits=6, decimal_places=3, null=True)
    digest = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "charge_points_metervalue"

    def __str__(self) -> str:
        """Show register and time."""
        return f"{self.energy_wh} Wh at {self.sampled_at}"
