"""A charging certificate: one use, one connector, one plug-in episode."""

from django.db import models

from charge_points.models.base import TenantModel
from charge_points.models.states import CERTIFICATE_LIVE


class ChargingCertificate(TenantModel):
    """What was issued; found by the hash of its secret code (``jti``).

    ``sealed_code`` is the code itself, encrypted, for as long as the certificate
    waits for a vehicle: the station that is told of its end knows it by nothing else.
    It is emptied with the certificate's claim or end.
    """

    class State(models.TextChoices):
        """See ``models.states.CERTIFICATE``."""

        ISSUED = "issued"
        CLAIMED = "claimed"
        STARTED = "started"
        CLOSED = "closed"
        EXPIRED = "expired"
        SUPERSEDED = "superseded"
        REVOKED = "revoked"
        FAILED = "failed"

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
    episode = models.ForeignKey(
        "charge_points.PlugInEpisode",
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
    )
    jti = models.CharField(max_length=43, unique=True)
    kid = models.CharField(max_length=43)
    sealed_code = models.CharField(max_length=200, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    requested_by = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=State, default=State.ISSUED)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    order_number = models.CharField(max_length=20, null=True, blank=True, unique=True)
    idempotency_key = models.CharField(max_length=128, blank=True, default="")
    claimed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=60, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connector"],
                condition=models.Q(state__in=CERTIFICATE_LIVE),
                name="one_live_certificate_per_connector",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["claimed", "started", "closed"])
                | models.Q(order_number__isnull=False),
                name="certificate_claimed_by_an_order",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("issued_at")),
                name="certificate_expires_after_issue",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state__in=["issued", "claimed"]),
                name="certificate_due",
            ),
        ]

    def __str__(self) -> str:
        """Show a part of the hash."""
        return f"certificate {self.jti[:8]}…"
