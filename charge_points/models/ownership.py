"""Whose a charge point was, and when."""

from django.db import models

from charge_points.models.base import TenantModel


class ChargePointOwnership(TenantModel):
    """``[owned_from, owned_until)`` of one identity; the last one has no end.

    A charge point that was never sold has no row: it has always been its operator's.
    Each owner keeps a charge point row of its own with what happened in its time;
    ``charge_point`` is that row.
    """

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
    )
    identity = models.CharField(max_length=48, help_text="as the station names itself")
    owned_from = models.DateTimeField()
    owned_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["identity"],
                condition=models.Q(owned_until__isnull=True),
                name="one_owner_of_a_charge_point",
            ),
            models.UniqueConstraint(
                fields=["identity", "owned_from"], name="ownership_begins_once"
            ),
            models.CheckConstraint(
                condition=models.Q(owned_until__isnull=True)
                | models.Q(owned_until__gt=models.F("owned_from")),
                name="ownership_ends_after_begin",
            ),
        ]

    def __str__(self) -> str:
        """Show what since when."""
        return f"{self.identity} since {self.owned_from:%Y-%m-%d %H:%M}"
