"""Configuration of stations: 1.6 keys and 2.0.1 variables in one table."""

from django.db import models

from charge_points.models.base import TenantModel


class DeviceVariable(TenantModel):
    """One attribute of one variable as the station last told it.

    A 1.6 configuration key is a variable without component, of attribute ``Actual``.
    ``evse_number`` and ``connector_number`` are 0 for the station itself.
    """

    class Mutability(models.TextChoices):
        """Words of 2.0.1; 1.6's readonly is ReadOnly."""

        READ_ONLY = "ReadOnly"
        WRITE_ONLY = "WriteOnly"
        READ_WRITE = "ReadWrite"

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    component = models.CharField(max_length=50, blank=True, default="")
    component_instance = models.CharField(max_length=50, blank=True, default="")
    evse_number = models.PositiveSmallIntegerField(default=0)
    connector_number = models.PositiveSmallIntegerField(default=0)
    variable = models.CharField(max_length=255)
    variable_instance = models.CharField(max_length=50, blank=True, default="")
    attribute = models.CharField(max_length=8, default="Actual")
    value = models.CharField(max_length=2500, blank=True, default="")
    mutability = models.CharField(
        max_length=10, choices=Mutability, blank=True, default=""
    )
    data_type = models.CharField(max_length=20, blank=True, default="")
    unit = models.CharField(max_length=20, blank=True, default="")
    min_limit = models.DecimalField(
        max_digits=24, decimal_places=6, null=True, blank=True
    )
    max_limit = models.DecimalField(
        max_digits=24, decimal_places=6, null=True, blank=True
    )
    allowed_values = models.CharField(max_length=1000, blank=True, default="")
    updated_at = models.DateTimeField(help_text="when it was last told")
    changed_at = models.DateTimeField(help_text="when the value last differed")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "charge_point",
                    "component",
                    "component_instance",
                    "evse_number",
                    "connector_number",
                    "variable",
                    "variable_instance",
                    "attribute",
                ],
                name="one_row_per_attribute",
            )
        ]

    def __str__(self) -> str:
        """Show name and value."""
        name = f"{self.component}.{self.variable}" if self.component else self.variable
        return f"{name} = {self.value}"
