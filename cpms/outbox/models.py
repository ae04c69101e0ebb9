"""The outbox's two tables: what happened, and who still has to hear it."""

from django.db import models
from django.db.models.functions import Now


class EventRecord(models.Model):
    """A fact. Written once, never changed."""

    topic = models.CharField(max_length=60)
    operator = models.ForeignKey(
        "accounts.Operator",
        on_delete=models.CASCADE,
        null=True,
        db_constraint=False,
        db_index=False,
    )
    key = models.CharField(max_length=80)
    payload = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["key", "id"], name="outbox_event_key"),
            models.Index(fields=["created_at"], name="outbox_event_age"),
        ]

    def __str__(self) -> str:
        """Show topic and key."""
        return f"{self.topic} {self.key}"


class Delivery(models.Model):
    """One event for one subscriber."""

    class State(models.TextChoices):
        """Pending until the subscriber's own database transaction says done."""

        PENDING = "pending"
        DONE = "done"
        DEAD = "dead"

    event = models.ForeignKey(EventRecord, on_delete=models.CASCADE)
    subscriber = models.CharField(max_length=80)
    state = models.CharField(
        max_length=8, choices=State, default=State.PENDING, db_default="pending"
    )
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    due_at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True, default="", db_default="")

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["event", "subscriber"], name="one_delivery_per_subscriber"
            )
        ]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                name="outbox_delivery_due",
                condition=models.Q(state="pending"),
            ),
            models.Index(
                fields=["subscriber"],
                name="outbox_delivery_dead",
                condition=models.Q(state="dead"),
            ),
        ]

    def __str__(self) -> str:
        """Show who waits for what."""
        return f"{self.subscriber} of event {self.event_id}: {self.state}"
