"""A charge as the station tells it."""

from django.db import models

from charge_points.models.base import TenantModel


class Transaction(TenantModel):
    """An OCPP transaction of either version, with its running values.

    ``last_*`` are the newest samples by their own time. ``meter_gain_wh`` is the sum
    of all rises of the register, which survives a register reset. Limits stand here,
    set by billing; the gateway only compares. ``natural_key`` recognises a repeated
    1.6 start.
    """

    class State(models.TextChoices):
        """See ``models.states.TRANSACTION``."""

        ACTIVE = "active"
        REFUSED = "refused"
        ENDED = "ended"

    class StartedBy(models.TextChoices):
        """What let it start; empty while a 2.0.1 transaction has no token yet."""

        NOTHING = "", "nothing yet"
        ORDER = "order"
        TOKEN = "token"  # noqa: S105 - a word, not a password
        OFFLINE = "offline"
        PLUG_AND_CHARGE = "plug_and_charge"

    class SignatureStatus(models.TextChoices):
        """What became of its signed meter values."""

        NONE = "", "not signed"
        VERIFIED = "verified"
        WRONG = "wrong"
        NO_KEY = "no_key", "no key"
        NOT_UNDERSTOOD = "not_understood", "not understood"

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
    )
    connector = models.ForeignKey(
        "charge_points.Connector",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )
    episode = models.ForeignKey(
        "charge_points.PlugInEpisode",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )
    evse_number = models.PositiveSmallIntegerField(default=0)
    connector_number = models.PositiveSmallIntegerField(default=0)
    ocpp_version = models.CharField(max_length=8)
    ocpp_id = models.CharField(max_length=36)
    natural_key = models.CharField(max_length=64, blank=True, default="")
    state = models.CharField(max_length=8, choices=State, default=State.ACTIVE)
    started_by = models.CharField(
        max_length=16, choices=StartedBy, blank=True, default=""
    )
    order_number = models.CharField(max_length=20, null=True, blank=True)
    id_token = models.CharField(max_length=255, blank=True, default="")
    id_token_type = models.CharField(max_length=20, blank=True, default="")
    id_token_status = models.CharField(max_length=20, blank=True, default="")
    remote_start_id = models.BigIntegerField(null=True, blank=True)
    offline = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    received_at = models.DateTimeField()
    announced_at = models.DateTimeField(
        null=True, blank=True, help_text="when TransactionStarted was published"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    end_received_at = models.DateTimeField(null=True, blank=True)
    unplugged_at = models.DateTimeField(null=True, blank=True)
    stop_reason = models.CharField(max_length=40, blank=True, default="", db_default="")
    stop_id_token = models.CharField(
        max_length=255, blank=True, default="", db_default=""
    )
    charging_state = models.CharField(
        max_length=16, blank=True, default="", db_default=""
    )
    meter_start_wh = models.DecimalField(
        max_digits=16, decimal_places=3, null=True, blank=True
    )
    meter_stop_wh = models.DecimalField(
        max_digits=16, decimal_places=3, null=True, blank=True
    )
    energy_wh = models.DecimalField(
        max_digits=16, decimal_places=3, null=True, blank=True
    )
    meter_gain_wh = models.DecimalField(
        max_digits=16, decimal_places=3, default=0, db_default=0
    )
    meter_regressed = models.BooleanField(default=False, db_default=False)
    last_energy_wh = models.DecimalField(
        max_digits=16, decimal_places=3, null=True, blank=True
    )
    last_energy_at = models.DateTimeField(null=True, blank=True)
    last_power_w = models.DecimalField(
        max_digits=12, decimal_places=3, null=True, blank=True
    )
    last_soc_percent = models.DecimalField(
        max_digits=6, decimal_places=3, null=True, blank=True
    )
    last_sample_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(help_text="when anything last came of it")
    estimated = models.BooleanField(default=False, db_default=False)
    review_reason = models.CharField(
        max_length=80, blank=True, default="", db_default=""
    )
    energy_limit_wh = models.BigIntegerField(null=True, blank=True)
    ends_by = models.DateTimeField(null=True, blank=True)
    soc_limit_percent = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="the battery's state at which it stops"
    )
    stop_requested_at = models.DateTimeField(null=True, blank=True)
    stop_attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    running_cost_minor = models.BigIntegerField(
        null=True, blank=True, help_text="as billing last told, taxes included"
    )
    running_cost_currency = models.CharField(
        max_length=3, blank=True, default="", db_default=""
    )
    running_cost_at = models.DateTimeField(null=True, blank=True)
    cost_is_final = models.BooleanField(
        default=False, db_default=False, help_text="priced: the cost is the bill's"
    )
    personal_message = models.CharField(
        max_length=512,
        blank=True,
        default="",
        db_default="",
        help_text="to be shown with the next answer (2.0.1)",
    )
    limit_profile_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text="when the station's own limit of this charge falls to zero",
    )
    last_seq_no = models.BigIntegerField(null=True, blank=True)
    signed_values = models.JSONField(
        default=list, db_default=models.Value([], models.JSONField()), blank=True
    )
    signature_status = models.CharField(
        max_length=14,
        choices=SignatureStatus,
        blank=True,
        default="",
        db_default="",
        help_text="the worst of its signed values; empty: none",
    )
    signature_checks = models.JSONField(
        default=list, db_default=models.Value([], models.JSONField()), blank=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "ocpp_id"], name="one_transaction_id"
            ),
            models.UniqueConstraint(
                fields=["charge_point", "natural_key"],
                condition=~models.Q(natural_key=""),
                name="one_transaction_per_start",
            ),
            # A late start may bring a second transaction of an order: kept, flagged,
            # never two that run at the same time.
            models.UniqueConstraint(
                fields=["order_number"],
                condition=models.Q(state="active", order_number__isnull=False),
                name="one_live_transaction_per_order",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="ended")
                | models.Q(ended_at__isnull=False, energy_wh__isnull=False),
                name="transaction_ended_whole",
            ),
            models.CheckConstraint(
                condition=models.Q(energy_wh__isnull=True) | models.Q(energy_wh__gte=0),
                name="transaction_energy_not_negative",
            ),
        ]
        indexes = [
            models.Index(fields=["order_number"], name="transaction_order"),
            models.Index(
                fields=["ocpp_id"],
                condition=models.Q(ocpp_version="1.6"),
                name="transaction_id_16",
            ),
            models.Index(fields=["connector", "-started_at"], name="transaction_conn"),
            models.Index(
                fields=["charge_point", "-started_at"], name="transaction_station"
            ),
            models.Index(
                fields=["id_token"],
                condition=models.Q(state="active"),
                name="transaction_live_token",
            ),
            # Nothing that meter values change is indexed: their updates stay HOT.
            models.Index(
                fields=["started_at"],
                condition=models.Q(state__in=["active", "refused"]),
                name="transaction_open",
            ),
            models.Index(
                fields=["ends_by"],
                condition=models.Q(state="active", ends_by__isnull=False),
                name="transaction_ends_by",
            ),
        ]

    def __str__(self) -> str:
        """Show the station's own id of it."""
        return f"transaction {self.ocpp_id}"
