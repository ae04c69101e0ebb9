"""What a station reported because a command asked for it."""

from django.db import models

from charge_points.models.base import TenantModel


class CommandFollowUp(TenantModel):
    """One notification or report with the request id of a command.

    Only what tells how far it is: the contents have tables of their own.
    """

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    command = models.ForeignKey(
        "charge_points.Command",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    action = models.CharField(max_length=60)
    status = models.CharField(
        max_length=60, blank=True, default="", help_text="the station's own word"
    )
    part = models.PositiveIntegerField(
        null=True, blank=True, help_text="of a report in parts: seqNo"
    )
    is_last = models.BooleanField(
        null=True, blank=True, help_text="of a report in parts: no more follow"
    )
    entries = models.PositiveIntegerField(
        null=True, blank=True, help_text="how many things a part told of"
    )
    content_hash = models.CharField(max_length=64)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["command", "action", "content_hash"],
                name="one_command_follow_up",
            )
        ]

    def __str__(self) -> str:
        """Show what came."""
        return f"{self.action} {self.status}".strip()
