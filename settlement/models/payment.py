"""A payment: one hold on one operator's account, and what came of it."""

from django.db import models

from settlement.models.payment_states import MONEY_STATES, PaymentState


class Payment(models.Model):
    """The payee is snapshotted and never changes.

    ``sequence`` 1 pays the order itself; later ones collect a receivable of it.
    """

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT)
    order_number = models.CharField(max_length=20)
    sequence = models.PositiveSmallIntegerField(default=1)
    driver = models.ForeignKey(
        "accounts.Driver", on_delete=models.PROTECT, null=True, blank=True
    )
    state = models.CharField(
        max_length=16, choices=PaymentState, default=PaymentState.AUTHORIZING
    )
    currency = models.CharField(max_length=3)
    # The payee, as of the start of the charge (B2).
    payee_account = models.ForeignKey(
        "settlement.PayeeAccount",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
    )
    provider = models.CharField(max_length=40, blank=True, default="")
    account_reference = models.CharField(max_length=80, blank=True, default="")
    mode = models.CharField(max_length=12, default="connected")
    split = models.JSONField(default=dict)
    # The payer.
    customer_ref = models.CharField(max_length=80, blank=True, default="")
    payment_method_ref = models.CharField(max_length=80, blank=True, default="")
    off_session = models.BooleanField(default=False)
    # What the provider made of it.
    provider_ref = models.CharField(max_length=80, blank=True, default="")
    charge_ref = models.CharField(max_length=80, blank=True, default="")
    action_url = models.TextField(blank=True, default="")
    decline_code = models.CharField(max_length=60, blank=True, default="")
    decline_message = models.TextField(blank=True, default="")
    capture_before = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    expiry_warned_at = models.DateTimeField(null=True, blank=True)
    # Money.
    hold_minor = models.BigIntegerField()
    due_minor = models.BigIntegerField(null=True, blank=True)
    captured_minor = models.BigIntegerField(default=0)
    application_fee_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    application_fee_refunded_minor = models.BigIntegerField(default=0)
    # What was asked for while no answer about the hold was there.
    release_reason = models.CharField(max_length=120, blank=True, default="")
    collects = models.ForeignKey(
        "settlement.Receivable",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="collections",
    )
    unowed_reason = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="Why nobody owes this money: it goes back by itself",
    )
    created_at = models.DateTimeField()
    moved_at = models.DateTimeField()
    captured_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order_number", "sequence"], name="one_payment_per_order"
            ),
            models.UniqueConstraint(
                fields=["provider", "account_reference", "provider_ref"],
                condition=~models.Q(provider_ref=""),
                name="one_payment_per_provider_ref",
            ),
            models.UniqueConstraint(
                fields=["collects"],
                condition=models.Q(
                    state__in=[
                        "AUTHORIZING",
                        "REQUIRES_ACTION",
                        "AUTHORIZED",
                        "CAPTURING",
                        "CAPTURED",
                    ]
                ),
                name="one_live_collection",
            ),
            models.CheckConstraint(
                condition=models.Q(hold_minor__gte=0), name="payment_hold"
            ),
            models.CheckConstraint(
                condition=models.Q(captured_minor__gte=0)
                & models.Q(application_fee_minor__gte=0)
                & models.Q(application_fee_minor__lte=models.F("captured_minor")),
                name="payment_captured",
            ),
            models.CheckConstraint(
                condition=models.Q(refunded_minor__gte=0)
                & models.Q(refunded_minor__lte=models.F("captured_minor"))
                & models.Q(application_fee_refunded_minor__gte=0)
                & models.Q(
                    application_fee_refunded_minor__lte=models.F(
                        "application_fee_minor"
                    )
                ),
                name="payment_refunded",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=[str(s) for s in MONEY_STATES])
                | models.Q(captured_minor__gt=0)
                | models.Q(due_minor__gt=0),
                name="payment_money_state",
            ),
        ]
        indexes = [
            models.Index(
                fields=["state", "moved_at"],
                name="payment_unfinished",
                condition=models.Q(
                    state__in=[
                        "AUTHORIZING",
                        "REQUIRES_ACTION",
                        "AUTHORIZED",
                        "CAPTURING",
                    ]
                ),
            ),
            models.Index(fields=["operator", "-created_at"], name="payment_newest"),
            models.Index(fields=["charge_ref"], name="payment_charge_ref"),
            models.Index(fields=["captured_at"], name="payment_captured_at"),
        ]

    def __str__(self) -> str:
        """Show what it pays and where it stands."""
        return f"{self.order_number}/{self.sequence} {self.state}"
