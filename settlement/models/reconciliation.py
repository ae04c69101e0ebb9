"""The provider's own lines about an account, and where they differ from ours."""

from django.db import models


class ProviderTransaction(models.Model):
    """One line of the account's balance at the provider, copied once."""

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT)
    payee_account = models.ForeignKey(
        "settlement.PayeeAccount", on_delete=models.PROTECT, db_constraint=False
    )
    reference = models.CharField(max_length=80)
    type = models.CharField(max_length=60)
    source_ref = models.CharField(max_length=80, blank=True, default="")
    amount_minor = models.BigIntegerField()
    provider_fee_minor = models.BigIntegerField()
    application_fee_minor = models.BigIntegerField()
    net_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    happened_at = models.DateTimeField()
    available_at = models.DateTimeField()
    payment = models.ForeignKey(
        "settlement.Payment",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
    )
    refund = models.ForeignKey(
        "settlement.Refund",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
    )
    seen_at = models.DateTimeField()
    matched_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["payee_account", "reference"], name="provider_transaction_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["happened_at"],
                name="provider_transaction_open",
                condition=models.Q(matched_at__isnull=True),
            ),
            models.Index(fields=["source_ref"], name="provider_transaction_source"),
        ]

    def __str__(self) -> str:
        """Show the provider's name for it."""
        return f"{self.type} {self.reference}"


class ReconciliationDifference(models.Model):
    """A work item: never hidden by itself, closed when both sides agree or by hand."""

    class Kind(models.TextChoices):
        """What does not agree."""

        MISSING_HERE = "missing_here"
        MISSING_THERE = "missing_there"
        AMOUNT_DIFFERS = "amount_differs"
        FEE_DIFFERS = "fee_differs"

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT)
    payee_account = models.ForeignKey(
        "settlement.PayeeAccount", on_delete=models.PROTECT, db_constraint=False
    )
    kind = models.CharField(max_length=16, choices=Kind)
    reference = models.CharField(max_length=80, help_text="Of the provider")

    class Resolution(models.TextChoices):
        """What a difference turned out to be; each is posted by somebody."""

        AGREED = "agreed"
        PROVIDER_FEE = "provider_fee"
        FOREIGN_CAPTURE = "foreign_capture"
        FOREIGN_REFUND = "foreign_refund"
        TRANSFER_TO_BANK = "transfer_to_bank"
        WRITTEN_OFF = "written_off"
        OTHER = "other"

    order_number = models.CharField(max_length=20, blank=True, default="")
    ours_minor = models.BigIntegerField(null=True, blank=True)
    theirs_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3)
    found_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=200, blank=True, default="")
    resolved_as = models.CharField(
        max_length=20, choices=Resolution, blank=True, default=""
    )
    resolved_by = models.CharField(max_length=120, blank=True, default="")
    entry = models.ForeignKey(
        "settlement.LedgerEntry",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        help_text="What was posted for it",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["payee_account", "kind", "reference"], name="difference_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["operator", "found_at"],
                name="difference_open",
                condition=models.Q(resolved_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        """Show what differs."""
        return f"{self.kind} {self.reference}"
