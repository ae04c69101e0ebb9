"""What each party got of a capture, or gave back at a refund; append-only."""

from django.db import models


class SplitLine(models.Model):
    """One party's share; the lines of a capture add up to the captured amount."""

    class Kind(models.TextChoices):
        """Shares of a capture are positive, of a refund negative."""

        CAPTURE = "capture"
        REFUND = "refund"

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT)
    payment = models.ForeignKey(
        "settlement.Payment",
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="split_lines",
    )
    refund = models.ForeignKey(
        "settlement.Refund",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
    )
    kind = models.CharField(max_length=8, choices=Kind)
    order_number = models.CharField(max_length=20)
    position = models.PositiveSmallIntegerField()
    party = models.CharField(max_length=40)
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=16)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["payment", "refund", "party"],
                nulls_distinct=False,
                name="split_line_once",
            )
        ]
        indexes = [models.Index(fields=["order_number"], name="split_line_order")]

    def __str__(self) -> str:
        """Show who got what."""
        return f"{self.party}: {self.amount_minor} {self.currency}"
