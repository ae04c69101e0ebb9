"""One event for one endpoint."""

from django.db import models


class WebhookMessage(models.Model):
    """What was, or is to be, sent; the body is frozen with the event."""

    class State(models.TextChoices):
        """Dead: given up; can be replayed."""

        PENDING = "pending"
        DELIVERED = "delivered"
        DEAD = "dead"

    operator = models.ForeignKey("accounts.Operator", on_delete=models.CASCADE)
    endpoint = models.ForeignKey(
        "notifications.WebhookEndpoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    event_ref = models.CharField(max_length=40)
    type = models.CharField(max_length=60)
    body = models.JSONField()
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "webhook message"
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "event_ref"], name="webhook_message_once"
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="webhook_message_age")]

    def __str__(self) -> str:
        """Show what it tells."""
        return f"{self.type} {self.event_ref}"
