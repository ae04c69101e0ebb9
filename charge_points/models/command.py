"""What the platform asks of a charge point."""

from django.db import models

from charge_points.models.base import TenantModel
from charge_points.models.states import COMMAND_OPEN


class Command(TenantModel):
    """A CALL to a station: the row is the truth, Redis only wakes its gateway.

    Either ``action`` and ``payload`` as the station's OCPP version writes them, or an
    ``intent`` with ``arguments`` that the gateway words when it sends (then ``action``
    and ``payload`` say what went out, secrets masked).
    """

    class State(models.TextChoices):
        """See ``models.states.COMMAND``."""

        QUEUED = "queued"
        SENT = "sent"
        ACCEPTED = "accepted"
        REJECTED = "rejected"
        FAILED = "failed"
        EXPIRED = "expired"
        CANCELLED = "cancelled"

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
    )
    intent = models.CharField(max_length=40, blank=True, default="")
    arguments = models.JSONField(default=dict, blank=True)
    action = models.CharField(max_length=60, blank=True, default="")
    payload = models.JSONField(default=dict, blank=True, help_text="secrets masked")
    sealed_payload = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="the whole payload while it may be sent",
    )
    request_id = models.BigIntegerField(
        null=True, blank=True, help_text="by which reports refer to it"
    )
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    idempotency_key = models.CharField(max_length=128)
    order_number = models.CharField(max_length=20, blank=True, default="")
    requested_by = models.CharField(max_length=120)
    repeatable = models.BooleanField(
        default=False, help_text="sending twice does no harm: at least once"
    )
    parent = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )
    parts = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="of a command that is sent as several CALLs",
    )
    created_at = models.DateTimeField()
    scheduled_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    node = models.CharField(max_length=80, blank=True, default="")
    generation = models.BigIntegerField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    status_text = models.CharField(
        max_length=60, blank=True, default="", help_text="the station's own word"
    )
    response = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=60, blank=True, default="")
    error_text = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "idempotency_key"],
                name="one_command_per_idempotency_key",
            ),
            models.CheckConstraint(
                condition=~models.Q(intent="") | ~models.Q(action=""),
                name="command_says_something",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("created_at")),
                name="command_expires_after_creation",
            ),
        ]
        indexes = [
            models.Index(
                fields=["charge_point", "id"],
                condition=models.Q(state__in=COMMAND_OPEN),
                name="command_open",
            ),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state__in=COMMAND_OPEN),
                name="command_due",
            ),
            models.Index(
                fields=["charge_point", "-created_at"], name="command_history"
            ),
            models.Index(
                fields=["order_number"],
                condition=~models.Q(order_number=""),
                name="command_order",
            ),
            models.Index(
                fields=["charge_point", "request_id"],
                condition=models.Q(request_id__isnull=False),
                name="command_request",
            ),
        ]

    def __str__(self) -> str:
        """Show what is asked."""
        return f"{self.intent or self.action} ({self.state})"
