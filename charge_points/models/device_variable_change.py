"""History of configuration values."""

from django.db import models

from charge_points.models.base import TenantModel


class DeviceVariableChange(TenantModel):
    """A value that differed from the one before; append-only."""

    variable = models.ForeignKey(
        "charge_points.DeviceVariable",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="changes",
    )
    value = models.CharField(max_length=2500, blank=True, default="")
    at = models.DateTimeField()
    source = models.CharField(max_length=40, help_text="which message told it")

    def __str__(self) -> str:
        """Show value and time."""
        return f"{self.value} at {self.at}"
