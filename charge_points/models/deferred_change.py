"""What a station promised to do as soon as nobody charges."""

from django.db import models

from charge_points.models.base import TenantModel


class DeferredChange(TenantModel):
    """A ChangeAvailability or Reset that was answered "Scheduled".

    ``evse_number`` 0 is the whole station, ``connector_number`` 0 all of the EVSE.
    ``ended_at`` is when it took effect, or when another request took its place.
    """

    class Kind(models.TextChoices):
        """What will happen."""

        INOPERATIVE = "inoperative", "out of service"
        OPERATIVE = "operative", "back in service"
        RESET = "reset", "reset"

    class End(models.TextChoices):
        """How it ended; empty while the station still waits."""

        DONE = "done", "took effect"
        REPLACED = "replaced", "replaced by another request"

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    evse_number = models.PositiveSmallIntegerField()
    connector_number = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=11, choices=Kind)
    promised_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    end = models.CharField(max_length=8, choices=End, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "evse_number", "connector_number", "kind"],
                condition=models.Q(ended_at__isnull=True),
                name="one_promise_of_a_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True, end="")
                | models.Q(~models.Q(end=""), ended_at__isnull=False),
                name="deferred_change_ends_whole",
            ),
        ]

    def __str__(self) -> str:
        """Show what and where."""
        return f"{self.kind} of {self.evse_number}.{self.connector_number}"
