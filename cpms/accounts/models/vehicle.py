"""A vehicle that was enrolled once with its public key."""

from django.db import models


class Vehicle(models.Model):
    """The charging consumption device of seed A.

    A key is enrolled once at a time: a sold vehicle moves when its old owner hands
    it over or revokes it. ``fingerprint`` is the SHA-256 of the key's
    SubjectPublicKeyInfo (DER), 64 hexadecimal digits: the ``kid`` of the vehicle's
    proofs. ``payer`` is a driver who shares the vehicle and took over its charges;
    without one its owner (``driver``) pays.
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
    chain_pem = models.TextField(
        blank=True, default="", help_text="issuers of a certificate of another PKI"
    )
    certificate_expires_at = models.DateTimeField(null=True, blank=True)
    key_proved = models.BooleanField(
        default=False, help_text="the key itself signed the enrolment"
    )
    payer = models.ForeignKey(
        "accounts.Driver",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    charge_cap_minor = models.BigIntegerField(null=True, blank=True)
    day_cap_minor = models.BigIntegerField(null=True, blank=True)
    month_cap_minor = models.BigIntegerField(null=True, blank=True)
    cap_currency = models.CharField(max_length=3, blank=True, default="")
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


class VehicleShare(models.Model):
    """A further driver of a vehicle: sees it, and may take over its charges."""

    vehicle = models.ForeignKey(
        Vehicle, on_delete=models.CASCADE, related_name="shares"
    )
    driver = models.ForeignKey("accounts.Driver", on_delete=models.CASCADE)
    shared_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["vehicle", "driver"], name="one_share_per_driver"
            )
        ]

    def __str__(self) -> str:
        """Show who drives what."""
        return f"driver {self.driver_id} of vehicle {self.vehicle_id}"


class VehicleTransfer(models.Model):
    """An owner's offer to hand a vehicle over; the code is known to its bearer only."""

    vehicle = models.ForeignKey(Vehicle, on_delete=models.CASCADE)
    driver = models.ForeignKey("accounts.Driver", on_delete=models.CASCADE)
    code_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        """Show of what, never the code."""
        return f"transfer of vehicle {self.vehicle_id}"
