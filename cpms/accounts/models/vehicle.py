"""A vehicle that was enrolled once with its public key."""

from django.db import models


class Vehicle(models.Model):
    """The charging consumption device of seed A.

    A key is enrolled once at a time: a sold vehicle moves when its old owner revokes
    it. ``fingerprint`` is the SHA-256 of the key's SubjectPublicKeyInfo (DER), 64
    hexadecimal digits: the ``kid`` of the vehicle's proofs.
    """

    class Status(models.TextChoices):
        """Only an active vehicle can claim."""

        ACTIVE = "active"
        REVOKED = "revoked"

    driver = models.ForeignKey("accounts.Driver", on_delete=models.CASCADE)
    label = models.CharField(max_length=80)
    fingerprint = models.CharField(max_length=64)
    public_key_pem = models.TextField()
    certificate_pem = models.TextField(blank=True, default="")
    status = models.CharField(max_length=8, choices=Status, default=Status.ACTIVE)
    enrolled_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=models.Q(status="active"),
                name="one_active_vehicle_per_key",
            ),
            models.CheckConstraint(
                condition=models.Q(fingerprint__regex=r"^[0-9a-f]{64}$"),
                name="vehicle_fingerprint_sha256",
            ),
        ]

    def __str__(self) -> str:
        """Show the driver's own name for it."""
        return self.label
