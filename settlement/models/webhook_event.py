"""The inbox of the providers' events: references only, no amounts are kept."""

from django.db import models


class WebhookEvent(models.Model):
    """One event, however often it is told; ``account`` is empty for the platform."""

    class State(models.TextChoices):
        """Done when its object was fetched again and applied."""

        PENDING = "pending"
        DONE = "done"
        IGNORED = "ignored"

    class Via(models.TextChoices):
        """How we learnt of it."""

        WEBHOOK = "webhook"
        POLL = "poll"

    provider = models.CharField(max_length=40)
    account = models.CharField(max_length=80, blank=True, default="")
    event_ref = models.CharField(max_length=80)
    type = models.CharField(max_length=80)
    object_type = models.CharField(max_length=40)
    object_ref = models.CharField(max_length=80)
    payment_ref = models.CharField(max_length=80, blank=True, default="")
    via = models.CharField(max_length=8, choices=Via, default=Via.WEBHOOK)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    note = models.CharField(max_length=200, blank=True, default="")
    happened_at = models.DateTimeField()
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "account", "event_ref"], name="webhook_event_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["received_at"],
                name="webhook_event_pending",
                condition=models.Q(state="pending"),
            )
        ]

    def __str__(self) -> str:
        """Show what was told."""
        return f"{self.type} {self.event_ref}"
