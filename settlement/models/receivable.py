"""What a driver owes an operator because no money could be taken."""

from django.db import models


class Receivable(models.Model):
    """A debt, collected later on the same operator's account.

    A payment has at most one that is open: what comes on top raises it.
    """

    class State(models.TextChoices):
        """Open until paid, given up by the operator, or corrected to nothing."""

        OPEN = "open"
        PAID = "paid"
        CORRECTED = "corrected"
        WRITTEN_OFF = "written_off"

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT)
    payment = models.ForeignKey(
        "settlement.Payment",
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="receivables",
    )
    driver = models.ForeignKey(
        "accounts.Driver", on_delete=models.PROTECT, null=True, blank=True
    )
    order_number = models.CharField(max_length=20)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200)
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    collections_tried = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["payment"],
                condition=models.Q(state="open"),
                name="receivable_once",
            ),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0), name="receivable_positive"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                name="receivable_open",
                condition=models.Q(state="open"),
            )
        ]

    def __str__(self) -> str:
        """Show how much and for what."""
        return f"{self.amount_minor} {self.currency} for {self.order_number}"
