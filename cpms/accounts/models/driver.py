"""A driver's account and the tokens of its app sessions."""

from django.db import models


class Driver(models.Model):
    """Pays at every operator with one account (design B10)."""

    user = models.OneToOneField("accounts.User", on_delete=models.CASCADE)
    email = models.EmailField(unique=True)
    locale = models.CharField(max_length=10, default="en")
    cap_minor = models.BigIntegerField(
        null=True, blank=True, help_text="Largest hold this driver allows"
    )
    day_cap_minor = models.BigIntegerField(
        null=True, blank=True, help_text="Most that may be spent in a day"
    )
    month_cap_minor = models.BigIntegerField(
        null=True, blank=True, help_text="Most that may be spent in a month"
    )
    cap_currency = models.CharField(max_length=3, blank=True, default="")
    can_pay = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(cap_minor__isnull=True) | models.Q(cap_minor__gt=0),
                name="driver_cap_positive",
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(day_cap_minor__isnull=True) | models.Q(day_cap_minor__gt=0)
                )
                & (
                    models.Q(month_cap_minor__isnull=True)
                    | models.Q(month_cap_minor__gt=0)
                ),
                name="driver_period_caps_positive",
            ),
        ]

    def __str__(self) -> str:
        """Show the address."""
        return self.email


class DriverToken(models.Model):
    """A bearer token of the driver API; only its SHA-256 is kept."""

    driver = models.ForeignKey(Driver, on_delete=models.CASCADE)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        """Show whose it is, never the token."""
        return f"token of driver {self.driver_id}"
