"""The audit of a payment: every move with its cause, append-only."""

from django.db import models


class PaymentMove(models.Model):
    """One move of the state table. ``from_state`` is empty for the first."""

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT)
    payment = models.ForeignKey(
        "settlement.Payment",
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="moves",
    )
    from_state = models.CharField(max_length=16, blank=True, default="")
    to_state = models.CharField(max_length=16)
    cause = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        """Show the move."""
        return f"{self.from_state or '·'} → {self.to_state}: {self.cause}"
