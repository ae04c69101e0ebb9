"""Messages on a station's display (2.0.1 block O)."""

from django.db import models

from charge_points.models.base import TenantModel


class DisplayMessage(TenantModel):
    """One message by its id; certificate addresses are masked in ``content``."""

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
    message_id = models.BigIntegerField()
    priority = models.CharField(max_length=16)
    shown_in = models.CharField(
        max_length=16, blank=True, default="", help_text="Charging, Idle, Faulted …"
    )
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    transaction_id = models.CharField(max_length=36, blank=True, default="")
    format = models.CharField(max_length=8)
    language = models.CharField(max_length=8, blank=True, default="")
    content = models.CharField(max_length=512)
    state = models.CharField(max_length=8, choices=State, default=State.SET)
    set_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    cleared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "message_id"], name="one_display_message"
            )
        ]

    def __str__(self) -> str:
        """Show the id."""
        return f"display message {self.message_id}"
