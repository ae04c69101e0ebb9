"""A part of a charge point that serves one vehicle at a time."""

from django.db import models

from charge_points.models.base import TenantModel


class Evse(TenantModel):
    """EVSE ``number`` as in 2.0.1; a 1.6 connector n is EVSE n with one connector."""

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    number = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "number"], name="one_evse_number"
            ),
            models.CheckConstraint(
                condition=models.Q(number__gte=1), name="evse_number_from_1"
            ),
        ]

    def __str__(self) -> str:
        """Show the number."""
        return f"EVSE {self.number}"
