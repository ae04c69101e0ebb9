"""Requests of stations that wait for the operator's own CA."""

from typing import ClassVar

from django.db import models

from charge_points.models.base import TenantModel


class SigningRequest(TenantModel):
    """A checked CSR on its way to an external CA (``STATION_CA_URL``)."""

    class State(models.TextChoices):
        """Waiting for the CA; signed; refused for good."""

        WAITING = "waiting"
        SIGNED = "signed"
        REFUSED = "refused"

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
    )
    csr = models.TextField()
    csr_hash = models.CharField(max_length=64)
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    detail = models.CharField(max_length=255, blank=True, default="")
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["charge_point", "csr_hash"], name="signing_request_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_try_at"],
                name="signing_request_due",
                condition=models.Q(state="waiting"),
            )
        ]

    def __str__(self) -> str:
        """Show whose it is and how far."""
        return f"{self.csr_hash[:12]} {self.state}"
