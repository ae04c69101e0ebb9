"""An operator: the tenant. Every tenant-owned row carries its id."""

from django.db import models


class Operator(models.Model):
    """A charging operator hosted on the platform."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    country = models.CharField(max_length=2, help_text="ISO 3166-1 alpha-2")
    currency = models.CharField(max_length=3, help_text="ISO 4217")
    time_zone = models.CharField(max_length=64, default="UTC", help_text="IANA name")
    default_language = models.CharField(max_length=10, default="en")
    allow_security_profile_0 = models.BooleanField(default=False)
    free_vend = models.BooleanField(
        default=False,
        help_text="Give energy away when no payment can be taken.",
    )
    hold_default_minor = models.BigIntegerField(
        default=5000, help_text="Largest hold of a charge, minor units"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(hold_default_minor__gt=0),
                name="operator_hold_positive",
            ),
            models.CheckConstraint(
                condition=models.Q(currency__regex=r"^[A-Z]{3}$"),
                name="operator_currency_iso4217",
            ),
        ]

    def __str__(self) -> str:
        """Show the name."""
        return self.name


class Membership(models.Model):
    """A user's role at an operator."""

    class Role(models.TextChoices):
        """What a member may do: everything, money, chargers, or look."""

        OWNER = "owner"
        FINANCE = "finance"
        TECHNICIAN = "technician"
        VIEWER = "viewer"

    operator = models.ForeignKey(Operator, on_delete=models.CASCADE)
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE)
    role = models.CharField(max_length=12, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "user"], name="one_membership_per_operator"
            )
        ]

    def __str__(self) -> str:
        """Show who is what."""
        return f"{self.user_id} {self.role} of {self.operator_id}"
