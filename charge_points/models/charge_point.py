"""A charge point: what connects to the gateway."""

from typing import Final

from django.db import models

from charge_points.models.base import TenantModel

_DIGEST: Final = r"^([0-9a-f]{64})?$"


class ChargePoint(TenantModel):
    """A charging station of either OCPP version.

    ``generation`` is the fence of its connections: the newest has the highest.
    ``status`` is the station's own one (connector 0 in 1.6), version-neutral.
    """

    class Registration(models.TextChoices):
        """The answer to BootNotification."""

        ACCEPTED = "accepted"
        PENDING = "pending"
        REJECTED = "rejected"

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    site = models.ForeignKey(
        "charge_points.Site",
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
    )
    identity = models.CharField(max_length=48, unique=True)
    ocpp_version = models.CharField(
        max_length=8, blank=True, default="", help_text="as last connected"
    )
    security_profile = models.PositiveSmallIntegerField(default=1)
    security_profile_next = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="while it is being raised"
    )
    password_hash = models.CharField(
        max_length=64, blank=True, default="", help_text="HMAC-SHA256, hexadecimal"
    )
    password_hash_next = models.CharField(
        max_length=64, blank=True, default="", help_text="while it is being changed"
    )
    registration = models.CharField(
        max_length=8, choices=Registration, default=Registration.ACCEPTED
    )
    heartbeat_interval_s = models.PositiveIntegerField(
        null=True, blank=True, help_text="told at boot; empty: the platform's own"
    )
    boot_retry_interval_s = models.PositiveIntegerField(
        null=True, blank=True, help_text="while not accepted; empty: the platform's"
    )
    tolerate_missing_subprotocol = models.BooleanField(default=True)
    speaks_cost_messages = models.BooleanField(
        default=False,
        db_default=False,
        help_text="1.6: org.openchargealliance.costmsg by DataTransfer",
    )
    vendor = models.CharField(max_length=60, blank=True, default="")
    model = models.CharField(max_length=60, blank=True, default="")
    serial_number = models.CharField(max_length=60, blank=True, default="")
    firmware_version = models.CharField(max_length=60, blank=True, default="")
    iccid = models.CharField(max_length=30, blank=True, default="")
    imsi = models.CharField(max_length=30, blank=True, default="")
    meter_type = models.CharField(max_length=60, blank=True, default="")
    meter_serial_number = models.CharField(max_length=60, blank=True, default="")
    generation = models.BigIntegerField(default=0, db_default=0)
    connected_at = models.DateTimeField(null=True, blank=True)
    disconnected_at = models.DateTimeField(null=True, blank=True)
    node = models.CharField(max_length=80, blank=True, default="")
    last_boot_at = models.DateTimeField(null=True, blank=True)
    boot_reason = models.CharField(max_length=40, blank=True, default="")
    status = models.CharField(max_length=16, blank=True, default="")
    status_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=50, blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(identity__regex=r"^[A-Za-z0-9*+=:|@._-]{1,48}$"),
                name="charge_point_identity_safe",
            ),
            models.CheckConstraint(
                condition=models.Q(security_profile__gte=0, security_profile__lte=3),
                name="charge_point_security_profile_0_to_3",
            ),
            models.CheckConstraint(
                condition=models.Q(security_profile_next__isnull=True)
                | models.Q(
                    security_profile_next__gt=models.F("security_profile"),
                    security_profile_next__lte=3,
                ),
                name="charge_point_security_profile_only_rises",
            ),
            models.CheckConstraint(
                condition=models.Q(password_hash__regex=_DIGEST)
                & models.Q(password_hash_next__regex=_DIGEST),
                name="charge_point_password_hashed",
            ),
            # Profiles 1 and 2 are passwords (OCPP security whitepaper 2.2, 2.3).
            models.CheckConstraint(
                condition=~models.Q(security_profile__in=[1, 2])
                | ~models.Q(password_hash=""),
                name="charge_point_has_password",
            ),
        ]

    def __str__(self) -> str:
        """Show the identity."""
        return self.identity

    @property
    def is_online(self) -> bool:
        """Whether a connection was opened and not closed since."""
        return self.connected_at is not None and self.disconnected_at is None
