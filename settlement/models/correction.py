"""A bill that changed after its payment had begun, and the money that follows it."""

from django.db import models


class Correction(models.Model):
    """By how much an order's bill changed; worked off step by step by a worker.

    ``payment`` is the order's own. ``difference_minor`` < 0: the payer gets it back
    (of a hold, an open debt or what was captured); > 0: it is asked of the payer.
    ``moved_minor`` is how much of it is settled; ``note`` says why the rest never
    will be, or for what a person is needed.
    """

    class State(models.TextChoices):
        """``stuck``: nothing more happens until a person decides."""

        PENDING = "pending"
        DONE = "done"
        STUCK = "stuck"

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT)
    payment = models.ForeignKey(
        "settlement.Payment",
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="corrections",
    )
    order_number = models.CharField(max_length=20)
    key = models.CharField(max_length=120, help_text="The asker's idempotency key")
    difference_minor = models.BigIntegerField()
    moved_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200)
    requested_by = models.CharField(max_length=120)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    note = models.CharField(max_length=200, blank=True, default="")
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payment", "key"], name="correction_once"),
            models.CheckConstraint(
                condition=~models.Q(difference_minor=0), name="correction_not_zero"
            ),
            models.CheckConstraint(
                condition=models.Q(moved_minor__gte=0)
                & (
                    models.Q(moved_minor__lte=models.F("difference_minor"))
                    | models.Q(
                        moved_minor__lte=models.F("difference_minor") * models.Value(-1)
                    )
                ),
                name="correction_moved",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                name="correction_pending",
                condition=models.Q(state="pending"),
            )
        ]

    def __str__(self) -> str:
        """Show by how much, and of what."""
        return f"{self.difference_minor:+d} {self.currency} of {self.order_number}"

    @property
    def rest_minor(self) -> int:
        """What is still to be moved, >= 0, whichever way it goes."""
        return abs(self.difference_minor) - self.moved_minor
