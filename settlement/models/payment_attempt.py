"""One question to the provider, with the key under which it may be repeated."""

from django.db import models

OPEN_STATES = ("pending", "in_flight", "unknown")


class PaymentAttempt(models.Model):
    """Stored before the call; asked again with the same key until it is answered.

    ``next_try_at`` is when the next try is due; while in flight, when the caller
    counts as dead.
    """

    class Kind(models.TextChoices):
        """What is asked."""

        AUTHORIZE = "authorize"
        CAPTURE = "capture"
        CANCEL = "cancel"
        REFUND = "refund"
        # A hosted page for the payer: opened, closed.
        CHECKOUT = "checkout"
        EXPIRE = "expire"

    class State(models.TextChoices):
        """``unknown``: asked, and no answer that tells what happened."""

        PENDING = "pending"
        IN_FLIGHT = "in_flight"
        UNKNOWN = "unknown"
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT)
    payment = models.ForeignKey(
        "settlement.Payment",
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="attempts",
    )
    kind = models.CharField(max_length=12, choices=Kind)
    number = models.PositiveSmallIntegerField()
    refund = models.ForeignKey(
        "settlement.Refund",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
    )
    amount_minor = models.BigIntegerField(default=0)
    application_fee_minor = models.BigIntegerField(default=0)
    idempotency_key = models.CharField(max_length=120, unique=True)
    state = models.CharField(max_length=12, choices=State, default=State.PENDING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    error_code = models.CharField(max_length=60, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    first_asked_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["payment", "kind", "number"], name="payment_attempt_number"
            ),
            models.UniqueConstraint(
                fields=["payment"],
                condition=models.Q(state__in=OPEN_STATES),
                name="one_open_attempt",
            ),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gte=0)
                & models.Q(application_fee_minor__gte=0)
                & models.Q(application_fee_minor__lte=models.F("amount_minor")),
                name="payment_attempt_amounts",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="refund", refund__isnull=False)
                | (~models.Q(kind="refund") & models.Q(refund__isnull=True)),
                name="payment_attempt_refund",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                name="payment_attempt_open",
                condition=models.Q(state__in=OPEN_STATES),
            )
        ]

    def __str__(self) -> str:
        """Show what was asked and where it stands."""
        return f"{self.kind} {self.number}: {self.state}"
