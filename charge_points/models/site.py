"""A place with charge points."""

from django.db import models

from charge_points.models.base import TenantModel


class Site(TenantModel):
    """Where charge points stand; ``time_zone`` is what tariffs mean by "evening"."""

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    name = models.CharField(max_length=120)
    address = models.CharField(max_length=200, blank=True, default="")
    city = models.CharField(max_length=100, blank=True, default="")
    postal_code = models.CharField(max_length=20, blank=True, default="")
    country = models.CharField(max_length=2, help_text="ISO 3166-1 alpha-2")
    latitude = models.DecimalField(
        max_digits=9, decimal_places=6, null=True, blank=True
    )
    longitude = models.DecimalField(
        max_digits=9, decimal_places=6, null=True, blank=True
    )
    time_zone = models.CharField(max_length=64, help_text="IANA name")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "name"], name="one_site_name_per_operator"
            ),
            models.CheckConstraint(
                condition=models.Q(latitude__isnull=True)
                | models.Q(latitude__gte=-90, latitude__lte=90),
                name="site_latitude_range",
            ),
            models.CheckConstraint(
                condition=models.Q(longitude__isnull=True)
                | models.Q(longitude__gte=-180, longitude__lte=180),
                name="site_longitude_range",
            ),
        ]

    def __str__(self) -> str:
        """Show the name."""
        return self.name
