"""Receipts with gap-free numbers per operator."""

from django.db import models


class ReceiptCounter(models.Model):
    """The last number given; its row lock makes the numbers gap-free."""

    operator = models.OneToOneField(
        "accounts.Operator", on_delete=models.PROTECT, db_constraint=False
    )
    last = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        """Show the last number."""
        return f"{self.operator_id}: {self.last}"


class Receipt(models.Model):
    """What the driver gets. Append-only.

    ``corrects`` is the receipt that it takes the place of, when late facts changed
    the bill: that one stays as it is, with a credit note over what was left of it.
    """

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, db_constraint=False
    )
    order = models.ForeignKey(
        "billing.Order",
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="receipts",
    )
    cdr = models.ForeignKey(
        "billing.Cdr", on_delete=models.PROTECT, db_constraint=False
    )
    corrects = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="corrected_by",
    )
    number = models.BigIntegerField()
    body = models.JSONField()
    issued_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "number"], name="receipt_number_unique"
            ),
            models.UniqueConstraint(
                fields=["order"],
                condition=models.Q(corrects__isnull=True),
                name="receipt_first_once",
            ),
            models.UniqueConstraint(fields=["cdr"], name="receipt_once_per_cdr"),
        ]

    def __str__(self) -> str:
        """Show the number."""
        return str(self.number)
