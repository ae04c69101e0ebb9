"""Journal of 2.0.1 TransactionEvents by sequence number."""

from django.db import models

from charge_points.models.base import TenantModel


class TransactionEvent(TenantModel):
    """One event: recognises repeats and shows gaps. Payloads are in the message log."""

    pk = models.CompositePrimaryKey("transaction_id", "seq_no")
    transaction = models.ForeignKey(
        "charge_points.Transaction",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    seq_no = models.BigIntegerField()
    event_type = models.CharField(max_length=8)
    trigger_reason = models.CharField(max_length=24, blank=True, default="")
    charging_state = models.CharField(max_length=16, blank=True, default="")
    offline = models.BooleanField(default=False)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    payload_hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        """Show type and number."""
        return f"{self.event_type} {self.seq_no}"
