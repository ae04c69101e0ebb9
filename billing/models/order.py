"""The charging order: one per charge, whatever started it."""

from django.db import models

from billing.models.order_states import ORDER_STATES, OrderState, PaymentState

ACTION_URL_CHARS_MAX = 2000
"""Addresses of banks are long; a longer one is none."""


class StartedBy(models.TextChoices):
    """The ways to start (design page 1.5); all end in the same order."""

    CERTIFICATE = "certificate"
    TOKEN = "token"  # noqa: S105 - a word, not a secret
    DRIVER_API = "driver_api"
    GUEST = "guest"
    OPERATOR = "operator"
    OFFLINE = "offline"
    PLUG_AND_CHARGE = "plug_and_charge"


class Order(models.Model):
    """A charge as the driver, the operator and the payment know it.

    ``tariff``, ``payee`` and ``split`` are full copies frozen at the creation: later
    changes of those rows never touch this order. Amounts are minor units of
    ``currency``; energy in Wh.
    """

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, db_constraint=False
    )
    number = models.CharField(max_length=20, unique=True)
    state = models.CharField(max_length=10, choices=OrderState)
    payment_state = models.CharField(
        max_length=16, choices=PaymentState, default=PaymentState.NONE
    )
    started_by = models.CharField(max_length=16, choices=StartedBy)
    driver = models.ForeignKey(
        "accounts.Driver", on_delete=models.PROTECT, null=True, blank=True
    )
    vehicle = models.ForeignKey(
        "accounts.Vehicle", on_delete=models.PROTECT, null=True, blank=True
    )
    id_token = models.CharField(max_length=36, blank=True, default="")
    charge_point = models.CharField(max_length=48)
    site_id = models.BigIntegerField(null=True, blank=True)
    evse = models.PositiveIntegerField()
    connector = models.PositiveIntegerField()
    transaction_id = models.BigIntegerField(null=True, blank=True)
    certificate_jti = models.CharField(max_length=43, blank=True, default="")

    currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=64)
    hold_minor = models.BigIntegerField()
    energy_limit_wh = models.BigIntegerField(null=True, blank=True)
    ends_by = models.DateTimeField(null=True, blank=True)
    tariff = models.JSONField()
    tariff_hash = models.CharField(max_length=64)
    tariff_reason = models.CharField(max_length=200, blank=True, default="")
    payee = models.JSONField(null=True, blank=True)
    split = models.JSONField(null=True, blank=True)
    payment_id = models.BigIntegerField(null=True, blank=True)
    action_url = models.URLField(
        blank=True, default="", max_length=ACTION_URL_CHARS_MAX
    )
    contact_email = models.EmailField(
        blank=True, default="", help_text="Where a guest wants the receipt"
    )
    language = models.CharField(
        max_length=10, blank=True, default="", help_text="What a guest reads"
    )

    energy_wh = models.BigIntegerField(null=True, blank=True)
    decided_energy_wh = models.BigIntegerField(
        null=True, blank=True, help_text="What a person decided after a review"
    )
    amount_minor = models.BigIntegerField(null=True, blank=True)
    failure_reason = models.CharField(max_length=300, blank=True, default="")
    review_reason = models.CharField(max_length=300, blank=True, default="")
    correction_reason = models.CharField(
        max_length=300,
        blank=True,
        default="",
        help_text="Why late facts of a billed charge wait for a person",
    )

    created_at = models.DateTimeField()
    moved_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    unplugged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["operator", "-id"], name="order_by_operator"),
            models.Index(fields=["driver", "-id"], name="order_by_driver"),
            models.Index(fields=["transaction_id"], name="order_by_transaction"),
            models.Index(
                fields=["operator"],
                name="order_correction_waits",
                condition=~models.Q(correction_reason=""),
            ),
            models.Index(
                fields=["state", "moved_at"],
                name="order_unfinished",
                condition=~models.Q(state__in=["CLOSED", "CANCELLED", "FAILED"]),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(number__regex=r"^[0-9A-F]{20}$"),
                name="order_number_hex",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=ORDER_STATES.states),
                name="order_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(payment_state__in=PaymentState.values),
                name="order_payment_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(hold_minor__gte=0), name="order_hold_not_negative"
            ),
            models.CheckConstraint(
                condition=models.Q(decided_energy_wh__isnull=True)
                | models.Q(decided_energy_wh__gte=0),
                name="order_decided_energy_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(amount_minor__isnull=True)
                | models.Q(amount_minor__gte=0),
                name="order_amount_not_negative",
            ),
            models.UniqueConstraint(
                fields=["transaction_id"],
                condition=models.Q(transaction_id__isnull=False),
                name="one_order_per_transaction",
            ),
            models.UniqueConstraint(
                fields=["certificate_jti"],
                condition=~models.Q(certificate_jti=""),
                name="one_order_per_certificate",
            ),
        ]

    def __str__(self) -> str:
        """Show the number."""
        return self.number


class OrderMove(models.Model):
    """An audit row for each move, with its cause. Append-only."""

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, db_constraint=False
    )
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="moves", db_constraint=False
    )
    from_state = models.CharField(max_length=24, blank=True, default="")
    to_state = models.CharField(max_length=24)
    cause = models.CharField(max_length=300)
    actor = models.CharField(max_length=120)
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        """Show the move."""
        return f"{self.from_state} → {self.to_state}"
