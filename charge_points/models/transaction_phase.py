"""When a charge changed between drawing energy and standing still."""

from django.db import models

from charge_points.models.base import TenantModel


class TransactionPhase(TenantModel):
    """From ``starts_at`` on the vehicle was charging, or parking while plugged in."""

    class State(models.TextChoices):
        """What tariffs tell apart."""

        CHARGING = "charging"
        PARKING = "parking"

    pk = models.CompositePrimaryKey("transaction_id", "starts_at")
    transaction = models.ForeignKey(
        "charge_points.Transaction",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="phases",
    )
    starts_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State)

    def __str__(self) -> str:
        """Show state and time."""
        return f"{self.state} from {self.starts_at}"
