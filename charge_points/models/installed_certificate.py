"""Which certificates stations have installed."""

from django.db import models

from charge_points.models.base import TenantModel


class InstalledCertificate(TenantModel):
    """A certificate that a station says, or accepted, to have."""

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    use = models.CharField(max_length=32, help_text="CSMSRootCertificate and the like")
    hash_algorithm = models.CharField(max_length=6)
    issuer_name_hash = models.CharField(max_length=128)
    issuer_key_hash = models.CharField(max_length=128)
    serial_number = models.CharField(max_length=40)
    children = models.JSONField(default=list, blank=True)
    subject = models.CharField(max_length=255, blank=True, default="")
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "charge_point",
                    "use",
                    "hash_algorithm",
                    "issuer_name_hash",
                    "issuer_key_hash",
                    "serial_number",
                ],
                name="installed_certificate_once",
            )
        ]

    def __str__(self) -> str:
        """Show use and number."""
        return f"{self.use} {self.serial_number}"
