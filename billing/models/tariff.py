"""Tariffs as OCPI objects, and which one applies where."""

from django.db import models


class Tariff(models.Model):
    """An OCPI 2.2.1 or 2.3.0 tariff object of an operator, kept as it was given."""

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, db_constraint=False
    )
    code = models.CharField(max_length=36)
    name = models.CharField(max_length=120, blank=True, default="")
    currency = models.CharField(max_length=3)
    ocpi = models.JSONField()
    content_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "code"], name="one_tariff_per_code"
            )
        ]

    def __str__(self) -> str:
        """Show name or code."""
        return self.name or self.code


class TariffAssignment(models.Model):
    """Where a tariff applies; the most specific valid one wins.

    Empty fields match everything. Specificity counts in the order charge point,
    site, connector type, token group.
    """

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, db_constraint=False
    )
    tariff = models.ForeignKey(Tariff, on_delete=models.PROTECT, db_constraint=False)
    charge_point = models.CharField(max_length=48, blank=True, default="")
    site_id = models.BigIntegerField(null=True, blank=True)
    connector_type = models.CharField(max_length=40, blank=True, default="")
    token_group = models.CharField(max_length=36, blank=True, default="")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__isnull=True)
                | models.Q(ends_at__gt=models.F("starts_at")),
                name="tariff_assignment_period",
            )
        ]

    def __str__(self) -> str:
        """Show what applies where."""
        where = self.charge_point or (f"site {self.site_id}" if self.site_id else "all")
        return f"{self.tariff_id} at {where}"
