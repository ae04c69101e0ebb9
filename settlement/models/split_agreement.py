"""Who shares a charge's money, from when until when."""

from django.db import models


class SplitAgreement(models.Model):
    """An operator's agreement: for all its sites, for one, or for one charge point."""

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT)
    site_id = models.BigIntegerField(
        null=True, blank=True, help_text="Only this site; empty = all sites"
    )
    charge_point = models.CharField(
        max_length=48,
        blank=True,
        default="",
        db_default="",
        help_text="Only this charge point (its identity); empty = all",
    )
    name = models.CharField(max_length=80)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, blank=True, help_text="Exclusive")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(valid_until__isnull=True)
                | models.Q(valid_until__gt=models.F("valid_from")),
                name="split_agreement_period",
            ),
            models.UniqueConstraint(
                fields=["operator", "site_id", "charge_point", "valid_from"],
                nulls_distinct=False,
                name="one_split_agreement_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(site_id__isnull=True) | models.Q(charge_point=""),
                name="split_agreement_one_place",
            ),
        ]

    def __str__(self) -> str:
        """Show its name."""
        return self.name


class SplitParty(models.Model):
    """One share of an agreement; the operator's own row takes what is left."""

    class Role(models.TextChoices):
        """What the party does in the charge."""

        OPERATOR = "operator"
        PLATFORM = "platform"
        SITE_HOST = "site_host"
        ENERGY_SUPPLIER = "energy_supplier"
        OTHER = "other"

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT)
    agreement = models.ForeignKey(
        SplitAgreement,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="parties",
    )
    position = models.PositiveSmallIntegerField(help_text="Order in which ties break")
    key = models.SlugField(max_length=40, help_text="Stable name in the ledger")
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=16, choices=Role)
    basis_points = models.PositiveIntegerField(
        default=0, help_text="1/100 of a percent"
    )
    fixed_minor = models.BigIntegerField(default=0)
    min_minor = models.BigIntegerField(null=True, blank=True)
    max_minor = models.BigIntegerField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "split parties"
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["agreement", "key"], name="split_party_once"
            ),
            models.UniqueConstraint(
                fields=["agreement", "position"], name="split_party_position"
            ),
            models.UniqueConstraint(
                fields=["agreement"],
                condition=models.Q(role="operator"),
                name="one_operator_in_a_split",
            ),
            models.UniqueConstraint(
                fields=["agreement"],
                condition=models.Q(role="platform"),
                name="one_platform_in_a_split",
            ),
            models.CheckConstraint(
                condition=models.Q(basis_points__lte=10000)
                & models.Q(fixed_minor__gte=0),
                name="split_party_share",
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(min_minor__isnull=True) | models.Q(min_minor__gte=0)
                )
                & (models.Q(max_minor__isnull=True) | models.Q(max_minor__gte=0)),
                name="split_party_limits",
            ),
            models.CheckConstraint(
                condition=models.Q(min_minor__isnull=True)
                | models.Q(max_minor__isnull=True)
                | models.Q(min_minor__lte=models.F("max_minor")),
                name="split_party_min_max",
            ),
        ]

    def __str__(self) -> str:
        """Show who and what."""
        return f"{self.name} ({self.role})"
