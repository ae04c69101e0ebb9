"""Monitors that stations have on their variables (2.0.1 N02 to N08)."""

from django.db import models

from charge_points.models.base import TenantModel


class VariableMonitor(TenantModel):
    """One monitor by the id that the station gave it."""

    class State(models.TextChoices):
        """Whether the station has it."""

        SET = "set"
        CLEARED = "cleared"

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    monitor_id = models.BigIntegerField()
    component = models.CharField(max_length=50)
    component_instance = models.CharField(max_length=50, blank=True, default="")
    evse_number = models.IntegerField(null=True, blank=True)
    connector_number = models.IntegerField(null=True, blank=True)
    variable = models.CharField(max_length=50)
    variable_instance = models.CharField(max_length=50, blank=True, default="")
    kind = models.CharField(max_length=24, help_text="UpperThreshold, Delta …")
    value = models.DecimalField(max_digits=24, decimal_places=6)
    severity = models.PositiveSmallIntegerField(help_text="0 danger … 9 debug")
    is_transaction_only = models.BooleanField(default=False)
    is_custom = models.BooleanField(
        default=False, help_text="set by command, not the station's own"
    )
    state = models.CharField(max_length=8, choices=State, default=State.SET)
    set_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    cleared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "monitor_id"], name="one_variable_monitor"
            )
        ]

    def __str__(self) -> str:
        """Show what it watches."""
        return f"{self.component}.{self.variable} {self.kind} {self.value}"
