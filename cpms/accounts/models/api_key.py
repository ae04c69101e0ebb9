"""A key of an operator's own system."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class ApiKey(models.Model):
    """``<prefix>.<secret>``; only the secret's SHA-256 is kept."""

    operator = models.ForeignKey("accounts.Operator", on_delete=models.CASCADE)
    name = models.CharField(max_length=80, blank=True, default="")
    prefix = models.CharField(max_length=16, unique=True)
    key_hash = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=40))
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        """Show the public part."""
        return self.prefix
