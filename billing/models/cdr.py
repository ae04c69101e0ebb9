"""The priced charge detail record: never updated, corrected by credit and new."""

from django.db import models


class Cdr(models.Model):
    """An OCPI CDR with its exact totals. Append-only.

    ``amount_minor`` is to be paid, taxes included; ``lines`` are exact, ``taxes`` is
    the money per tax rate that adds up to it, ``meter`` what was measured (registers,
    signed values). Energy and money of a credit are negative.
    """

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, db_constraint=False
    )
    order = models.ForeignKey(
        "billing.Order",
        on_delete=models.PROTECT,
        related_name="cdrs",
        db_constraint=False,
    )
    sequence = models.PositiveSmallIntegerField(default=1)
    credits = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, db_constraint=False
    )
    currency = models.CharField(max_length=3)
    energy_wh = models.BigIntegerField()
    amount_minor = models.BigIntegerField()
    rounding_policy = models.CharField(max_length=60)
    ocpi = models.JSONField()
    lines = models.JSONField()
    taxes = models.JSONField()
    meter = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order", "sequence"], name="cdr_sequence_unique"
            )
        ]

    def __str__(self) -> str:
        """Show order and sequence."""
        return f"CDR {self.order_id}/{self.sequence}"
