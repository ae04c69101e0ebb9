"""The right of one order to start on one connector."""

from django.db import models

from charge_points.models.base import TenantModel
from charge_points.models.states import START_HANDLE_LIVE


class StartHandle(TenantModel):
    """The order number as a one-time idTag / idToken (design page 1.3).

    ``id`` is the ``remoteStartId`` of 2.0.1.
    """

    class State(models.TextChoices):
        """See ``models.states.START_HANDLE``."""

        PENDING = "pending"
        STARTED = "started"
        FAILED = "failed"
        CANCELLED = "cancelled"
        ENDED = "ended"

    order_number = models.CharField(max_length=20, unique=True)
    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
    )
    connector = models.ForeignKey(
        "charge_points.Connector",
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
    )
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    requested_at = models.DateTimeField(
        null=True, blank=True, help_text="when the start was asked for; not yet: null"
    )
    start_by = models.DateTimeField(
        help_text="latest start; before the request: latest request"
    )
    energy_limit_wh = models.BigIntegerField(null=True, blank=True)
    ends_by = models.DateTimeField(null=True, blank=True)
    soc_limit_percent = models.PositiveSmallIntegerField(null=True, blank=True)
    transaction = models.OneToOneField(
        "charge_points.Transaction",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="start_handle",
    )
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=80, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connector"],
                condition=models.Q(state__in=START_HANDLE_LIVE),
                name="one_live_start_per_connector",
            ),
            models.CheckConstraint(
                condition=models.Q(order_number__regex=r"^[0-9A-F]{20}$"),
                name="start_handle_order_number",
            ),
            models.CheckConstraint(
                condition=models.Q(energy_limit_wh__isnull=True)
                | models.Q(energy_limit_wh__gt=0),
                name="start_handle_limit_positive",
            ),
        ]
        indexes = [
            models.Index(
                fields=["start_by"],
                condition=models.Q(state="pending"),
                name="start_handle_due",
            ),
        ]

    def __str__(self) -> str:
        """Show the order."""
        return f"start of {self.order_number}"
