"""A payment that the payer's bank took back, until somebody decides."""

from django.db import models


class Dispute(models.Model):
    """Opened by the provider; its money is posted from the account's own lines."""

    class State(models.TextChoices):
        """Open until it is answered, submitted until the bank decides."""

        OPEN = "open"
        SUBMITTED = "submitted"
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
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    amount_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3, blank=True, default="")
    reason = models.CharField(max_length=60, blank=True, default="")
    due_at = models.DateTimeField(null=True, blank=True)
    evidence = models.JSONField(default=dict, blank=True)
    warned_at = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    submitted_by = models.CharField(max_length=120, blank=True, default="")
    submit_key = models.CharField(max_length=120, blank=True, default="")
    looked_at = models.DateTimeField(null=True, blank=True)
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
