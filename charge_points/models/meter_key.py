"""Public keys of meters, by which signed meter values are verified."""

from django.db import models

from charge_points.models.base import TenantModel


class MeterKey(TenantModel):
    """A key that a charge point's meter signs with.

    ``evse_number`` 0: the meters of all its EVSEs. Several may be good at once: a meter
    was changed, and the charges that the old one signed stay verifiable.
    """

    class Source(models.TextChoices):
        """Who said that it is the meter's."""

        STAFF = "staff", "staff"
        CONFIGURATION = "configuration", "configuration of the station"

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    evse_number = models.PositiveSmallIntegerField(default=0)
    public_key_der = models.TextField(help_text="SubjectPublicKeyInfo, hexadecimal")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256, hexadecimal")
    curve = models.CharField(max_length=20)
    source = models.CharField(max_length=13, choices=Source)
    added_by = models.CharField(max_length=120)
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "evse_number", "fingerprint"],
                name="one_meter_key",
            ),
            models.CheckConstraint(
                condition=models.Q(fingerprint__regex=r"^[0-9a-f]{64}$"),
                name="meter_key_fingerprint",
            ),
        ]

    def __str__(self) -> str:
        """Show the begin of its fingerprint."""
        return f"{self.curve} {self.fingerprint[:16]}"
