"""Answers already given, so that a repeated POST gets the first one."""

from django.db import models


class IdempotencyRecord(models.Model):
    """One (principal, key): what was asked and what was answered."""

    principal = models.CharField(max_length=80)
    key = models.CharField(max_length=128)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    response = models.JSONField(null=True, blank=True)
    started_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["principal", "key"], name="one_answer_per_key"
            )
        ]
        indexes = [models.Index(fields=["started_at"], name="idempotency_age")]

    def __str__(self) -> str:
        """Show the key."""
        return f"{self.principal} {self.key}"
