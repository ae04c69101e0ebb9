"""Conformance report: which rules a station breaks, and how often."""

from django.db import models

from charge_points.models.base import TenantModel


class QuirkCount(TenantModel):
    """One tolerated deviation of one station."""

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    quirk = models.CharField(max_length=60)
    version = models.CharField(max_length=8, blank=True, default="")
    count = models.BigIntegerField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    example = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "quirk"], name="one_count_per_quirk"
            ),
            models.CheckConstraint(
                condition=models.Q(count__gt=0), name="quirk_count_positive"
            ),
        ]

    def __str__(self) -> str:
        """Show name and count."""
        return f"{self.quirk} × {self.count}"
