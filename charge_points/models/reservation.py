"""A connector kept for a token (1.6 3.10, 2.0.1 block H)."""

from django.db import models

from charge_points.models.base import TenantModel
from charge_points.models.states import RESERVATION_LIVE


class Reservation(TenantModel):
    """See ``models.states.RESERVATION``.

    EVSE 0 reserves the station: any EVSE (2.0.1), connector 0 (1.6).
    """

    class State(models.TextChoices):
        """See ``models.states.RESERVATION``."""

        REQUESTED = "requested"
        ACTIVE = "active"
        USED = "used"
        CANCELLED = "cancelled"
        EXPIRED = "expired"
        REMOVED = "removed"
        REJECTED = "rejected"
        FAILED = "failed"

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
    )
    number = models.BigIntegerField(help_text="the reservationId on the wire")
    evse_number = models.PositiveSmallIntegerField(default=0)
    connector_type = models.CharField(
        max_length=20, blank=True, default="", help_text="as 2.0.1 names it"
    )
    id_token = models.CharField(max_length=255, help_text="the token's key")
    id_token_type = models.CharField(max_length=20, blank=True, default="")
    group_id = models.CharField(max_length=255, blank=True, default="")
    state = models.CharField(max_length=10, choices=State, default=State.REQUESTED)
    requested_by = models.CharField(max_length=120)
    idempotency_key = models.CharField(max_length=128)
    created_at = models.DateTimeField()
    active_from = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=120, blank=True, default="")
    transaction = models.ForeignKey(
        "charge_points.Transaction",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "number"], name="one_reservation_number"
            ),
            models.UniqueConstraint(
                fields=["charge_point", "idempotency_key"],
                name="one_reservation_per_key",
            ),
            models.UniqueConstraint(
                fields=["charge_point", "evse_number"],
                condition=models.Q(state__in=RESERVATION_LIVE, evse_number__gt=0),
                name="one_live_reservation_per_evse",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("created_at")),
                name="reservation_expires_after_creation",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="used") | models.Q(transaction__isnull=False),
                name="reservation_used_by_a_transaction",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state__in=RESERVATION_LIVE),
                name="reservation_due",
            )
        ]

    def __str__(self) -> str:
        """Show number and state."""
        return f"reservation {self.number} ({self.state})"
