"""Credit notes with gap-free numbers of their own per operator."""

from django.db import models


class CreditNoteCounter(models.Model):
    """The last number given; its row lock makes the numbers gap-free."""

    operator = models.OneToOneField(
        "accounts.Operator", on_delete=models.PROTECT, db_constraint=False
    )
    last = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        """Show the last number."""
        return f"{self.operator_id}: {self.last}"


class CreditNote(models.Model):
    """What went back of a receipt. Append-only; ``taxes`` per rate add up.

    Because of a refund (``refund_id``), or of a corrected bill (``cdr``): the credit
    CDR of what its receipt said, or the new one when an earlier refund is carried over
    to the new receipt.
    """

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, db_constraint=False
    )
    order = models.ForeignKey(
        "billing.Order",
        on_delete=models.PROTECT,
        related_name="credit_notes",
        db_constraint=False,
    )
    receipt = models.ForeignKey(
        "billing.Receipt", on_delete=models.PROTECT, db_constraint=False
    )
    refund_id = models.BigIntegerField(
        null=True, blank=True, help_text="settlement's refund"
    )
    cdr = models.ForeignKey(
        "billing.Cdr",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="credit_notes",
    )
    number = models.BigIntegerField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    taxes = models.JSONField()
    reason = models.CharField(max_length=200, blank=True, default="")
    issued_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "number"], name="credit_note_number_unique"
            ),
            models.UniqueConstraint(
                fields=["operator", "refund_id"], name="credit_note_once"
            ),
            models.UniqueConstraint(
                fields=["operator", "cdr"], name="credit_note_once_per_cdr"
            ),
            models.CheckConstraint(
                condition=models.Q(refund_id__isnull=False, cdr__isnull=True)
                | models.Q(refund_id__isnull=True, cdr__isnull=False),
                name="credit_note_has_a_cause",
            ),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0), name="credit_note_positive"
            ),
        ]

    def __str__(self) -> str:
        """Show the number."""
        return str(self.number)
