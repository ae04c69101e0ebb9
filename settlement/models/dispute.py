"""A payment that the payer's bank took back, until somebody decides."""

from django.db import models


class Dispute(models.Model):
    """Opened by the provider; its money is posted from the account's own lines."""

    class State(models.TextChoices):
        """Open until the bank decides."""

        OPEN = "open"
        WON = "won"
        LOST = "lost"

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT)
    payment = models.ForeignKey(
        "settlement.Payment",
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="disputes",
    )
    provider_ref = models.CharField(max_length=80)
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["payment", "provider_ref"], name="dispute_once"
            )
        ]

    def __str__(self) -> str:
        """Show the provider's name for it."""
        return f"{self.provider_ref} {self.state}"
