"""Money given back to a payer, all or a part."""

from django.db import models


class Refund(models.Model):
    """One refund. ``source`` tells whether it was asked here or at the provider.

    ``correction``: it follows a bill that became lower, which has its documents.
    """

    class State(models.TextChoices):
        """Pending until the provider says that the money went back."""

        PENDING = "pending"
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    class Source(models.TextChoices):
        """An operator can refund in its provider's own pages, without us (B7)."""

        PLATFORM = "platform"
        PROVIDER = "provider"

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT)
    payment = models.ForeignKey(
        "settlement.Payment",
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="refunds",
    )
    correction = models.ForeignKey(
        "settlement.Correction",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="refunds",
    )
    key = models.CharField(max_length=120, help_text="The asker's idempotency key")
    source = models.CharField(max_length=10, choices=Source, default=Source.PLATFORM)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200)
    refund_application_fee = models.BooleanField()
    application_fee_refunded_minor = models.BigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    provider_ref = models.CharField(max_length=80, blank=True, default="")
    looked_at = models.DateTimeField(null=True, blank=True)
    requested_by = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payment", "key"], name="refund_once"),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0), name="refund_positive"
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                name="refund_waiting",
                condition=models.Q(state="pending"),
            )
        ]

    def __str__(self) -> str:
        """Show how much and why."""
        return f"{self.amount_minor} {self.currency}: {self.reason}"
