"""Stops that came before their starts."""

from django.db import models

from charge_points.models.base import TenantModel


class EarlyStop(TenantModel):
    """A 1.6 StopTransaction without a transaction, until its start is told.

    Stations that never got the answer to a start have no id for the stop, and some
    send it first.
    """

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    id_token = models.CharField(max_length=255, blank=True, default="")
    ended_at = models.DateTimeField()
    meter_stop_wh = models.DecimalField(
        max_digits=16, decimal_places=3, null=True, blank=True
    )
    reason = models.CharField(max_length=40, blank=True, default="")
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "ended_at", "id_token"], name="one_early_stop"
            ),
        ]

    def __str__(self) -> str:
        """Show when."""
        return f"stop at {self.ended_at:%Y-%m-%d %H:%M}"
