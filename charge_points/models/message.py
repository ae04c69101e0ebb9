"""What went over the wire, for people who look for a fault."""

from django.db import models

from charge_points.models.base import TenantModel


class MessageLog(TenantModel):
    """One CALL and its answer, secrets masked.

    Partitioned by week of ``at``; whole weeks are dropped after
    ``MESSAGE_LOG_RETENTION_DAYS``.
    """

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
    )
    version = models.CharField(max_length=8)
    incoming = models.BooleanField(help_text="whether the charge point called")
    action = models.CharField(max_length=60)
    message_id = models.CharField(max_length=64)
    at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    text = models.TextField()
    answer_text = models.TextField(blank=True)

    class Meta:
        managed = False
        db_table = "charge_points_messagelog"
        verbose_name = "message"

    def __str__(self) -> str:
        """Show direction and action."""
        return f"{'←' if self.incoming else '→'} {self.action}"
