"""One mail to one person."""

from django.db import models


class Notification(models.Model):
    """Written once for a person and an event; the worker sends it."""

    class State(models.TextChoices):
        """Dead: the mail server refused it for good."""

        PENDING = "pending"
        SENT = "sent"
        DEAD = "dead"

    email = models.EmailField()
    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=80, help_text="Of the event; once per person")
    language = models.CharField(max_length=10)
    context = models.JSONField()
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True, default="")
    not_before = models.DateTimeField()
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["email", "kind", "key"], name="notification_once"
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="notification_age")]

    def __str__(self) -> str:
        """Show what it is about."""
        return f"{self.kind} {self.key}"
