"""Tariffs as OCPI objects with their versions, and which one applies where."""

from django.db import models


class Tariff(models.Model):
    """An OCPI 2.2.1 or 2.3.0 tariff object of an operator, as it was given last.

    What is sold is a version; this row is its newest one and its name.
    """

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, db_constraint=False
    )
    code = models.CharField(max_length=36)
    name = models.CharField(max_length=120, blank=True, default="")
    currency = models.CharField(max_length=3)
    ocpi = models.JSONField()
    content_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "code"], name="one_tariff_per_code"
            )
        ]

    def __str__(self) -> str:
        """Show name or code."""
        return self.name or self.code


class TariffVersion(models.Model):
    """A tariff as it was given once: never changed, never deleted.

    A charge is sold by the version that applies at its start and keeps a copy; a new
    version changes no order.
    """

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, db_constraint=False
    )
    tariff = models.ForeignKey(
        Tariff, on_delete=models.PROTECT, db_constraint=False, related_name="versions"
    )
    number = models.IntegerField()
    currency = models.CharField(max_length=3)
    ocpi = models.JSONField()
    content_hash = models.CharField(max_length=64)
    applies_from = models.DateTimeField(
        null=True, blank=True, help_text="for charges that start then or later"
    )
    saved_by = models.CharField(max_length=120)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tariff", "number"], name="tariff_versions_count_up"
            )
        ]

    def __str__(self) -> str:
        """Show which version of which tariff."""
        return f"{self.tariff_id} version {self.number}"


class DriverGroup(models.Model):
    """Drivers whom an operator sells at a tariff of their own, such as its staff."""

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, db_constraint=False
    )
    code = models.CharField(max_length=36)
    name = models.CharField(max_length=120, blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "code"], name="one_driver_group_per_code"
            )
        ]

    def __str__(self) -> str:
        """Show name or code."""
        return self.name or self.code


class DriverGroupMember(models.Model):
    """A driver's account in a group."""

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, db_constraint=False
    )
    group = models.ForeignKey(
        DriverGroup,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="members",
    )
    driver = models.ForeignKey(
        "accounts.Driver", on_delete=models.CASCADE, related_name="+"
    )
    email = models.EmailField(help_text="As the operator knows the driver")
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group", "driver"], name="once_in_a_driver_group"
            )
        ]

    def __str__(self) -> str:
        """Show the address that the operator knows."""
        return self.email


class TariffAssignment(models.Model):
    """Where and for whom a tariff applies; the most specific valid one wins.

    Empty fields match everything. Specificity counts in the order charge point,
    site, connector type, driver group, token group, token type.
    """

    class TokenType(models.TextChoices):
        """Who starts, in the words of OCPI (Tokens, TokenType)."""

        AD_HOC_USER = "AD_HOC_USER", "guest without an account"
        APP_USER = "APP_USER", "account, by app or vehicle"
        EMAID = "EMAID", "Plug & Charge contract"
        RFID = "RFID", "card"
        OTHER = "OTHER", "another token"

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, db_constraint=False
    )
    tariff = models.ForeignKey(Tariff, on_delete=models.PROTECT, db_constraint=False)
    charge_point = models.CharField(max_length=48, blank=True, default="")
    site_id = models.BigIntegerField(null=True, blank=True)
    connector_type = models.CharField(max_length=40, blank=True, default="")
    driver_group = models.ForeignKey(
        DriverGroup,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="+",
    )
    token_group = models.CharField(max_length=36, blank=True, default="")
    token_type = models.CharField(
        max_length=12, choices=TokenType, blank=True, default="", db_default=""
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__isnull=True)
                | models.Q(ends_at__gt=models.F("starts_at")),
                name="tariff_assignment_period",
            )
        ]

    def __str__(self) -> str:
        """Show what applies where."""
        where = self.charge_point or (f"site {self.site_id}" if self.site_id else "all")
        return f"{self.tariff_id} at {where}"
