"""Charging profiles of a station (1.6 3.13, 2.0.1 block K)."""

from django.db import models

from charge_points.models.base import TenantModel


class ChargingProfile(TenantModel):
    """One profile that was sent to a station, or that it reported.

    ``schedules`` is the list of charging schedules as 2.0.1 writes them (1.6 has
    one); limits stand there as exact decimal texts.
    """

    class State(models.TextChoices):
        """Whether the station has it."""

        ACTIVE = "active"
        CLEARED = "cleared"
        REPLACED = "replaced"
        ENDED = "ended"

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    evse_number = models.PositiveSmallIntegerField(default=0)
    profile_id = models.BigIntegerField()
    stack_level = models.PositiveIntegerField()
    purpose = models.CharField(max_length=32)
    kind = models.CharField(max_length=10)
    recurrency = models.CharField(max_length=8, blank=True, default="")
    transaction_id = models.CharField(
        max_length=36, blank=True, default="", help_text="the OCPP id, of a TxProfile"
    )
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_to = models.DateTimeField(null=True, blank=True)
    schedules = models.JSONField()
    source = models.CharField(
        max_length=8, help_text="CSO: ours; EMS, SO, Other: as the station reported"
    )
    state = models.CharField(max_length=8, choices=State, default=State.ACTIVE)
    installed_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "profile_id", "evse_number"],
                condition=models.Q(state="active"),
                name="one_active_profile_per_id",
            )
        ]
        indexes = [
            models.Index(
                fields=["charge_point", "-installed_at"], name="profile_history"
            )
        ]

    def __str__(self) -> str:
        """Show id and purpose."""
        return f"{self.purpose} {self.profile_id}"
