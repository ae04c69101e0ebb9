"""What the CA signed for stations."""

from typing import ClassVar

from django.db import models

from charge_points.models.base import TenantModel
from charge_points.models.station_authority import StationAuthority


class StationCertificate(TenantModel):
    """A certificate that the CA gave to a charge point."""

    class State(models.TextChoices):
        """Issued: on its way; installed: the station took it."""

        ISSUED = "issued"
        INSTALLED = "installed"
        REJECTED = "rejected"
        REVOKED = "revoked"

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
    )
    authority = models.ForeignKey(
        StationAuthority,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        help_text="empty: the operator's own CA signed it",
    )
    chain_pem = models.TextField(
        blank=True, default="", help_text="sub-CAs of the operator's own CA"
    )
    serial_number = models.CharField(max_length=40, unique=True, help_text="hex")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the DER, hex")
    certificate_pem = models.TextField()
    csr_hash = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State, default=State.ISSUED)
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    created_at = models.DateTimeField()
    installed_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoke_reason = models.CharField(max_length=40, blank=True, default="")
    warned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "csr_hash"], name="station_certificate_once"
            ),
            models.CheckConstraint(
                condition=models.Q(not_after__gt=models.F("not_before")),
                name="station_certificate_lives",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["not_after"], name="station_certificate_end"),
            models.Index(
                fields=["authority"],
                name="station_certificate_revoked",
                condition=models.Q(state="revoked"),
            ),
        ]

    def __str__(self) -> str:
        """Show its number."""
        return self.serial_number
