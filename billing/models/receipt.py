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
    """What the driver gets. Append-only."""

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, db_constraint=False
    )
    order = models.OneToOneField(
        "billing.Order", on_delete=models.PROTECT, db_constraint=False
    )
    cdr = models.ForeignKey(
        "billing.Cdr", on_delete=models.PROTECT, db_constraint=False
    )
    number = models.BigIntegerField()
    body = models.JSONField()
    issued_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "number"], name="receipt_number_unique"
            )
        ]

    def __str__(self) -> str:
        """Show the number."""
        return str(self.number)
