"""What an operator with an own key owes the platform for a month."""

from django.db import models


class PlatformInvoice(models.Model):
    """The platform's fees of one month, one currency; never taken, only invoiced."""

    class State(models.TextChoices):
        """Open until the operator paid."""

        OPEN = "open"
        PAID = "paid"

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT)
    number = models.CharField(max_length=40, unique=True)
    month_start_date = models.DateField(help_text="First day of the month, in UTC")
    currency = models.CharField(max_length=3)
    fee_minor = models.BigIntegerField()
    charges = models.PositiveIntegerField()
    state = models.CharField(max_length=5, choices=State, default=State.OPEN)
    issued_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True, blank=True)
    paid_by = models.CharField(max_length=120, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "month_start_date", "currency"],
                name="platform_invoice_once",
            ),
            models.CheckConstraint(
                condition=models.Q(fee_minor__gt=0), name="platform_invoice_positive"
            ),
        ]

    def __str__(self) -> str:
        """Show its number."""
        return self.number
