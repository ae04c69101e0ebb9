"""Revocation lists of the operator's own client CAs, and how old they are."""

from typing import ClassVar

from django.db import models


class ClientRevocationList(models.Model):
    """A list fetched from an address, or in a file of a gateway (no content here)."""

    source = models.CharField(max_length=500, help_text="address, or node with a file")
    issuer = models.CharField(max_length=255, blank=True, default="")
    this_update = models.DateTimeField(null=True, blank=True)
    next_update = models.DateTimeField(null=True, blank=True)
    entries = models.PositiveIntegerField(default=0)
    der = models.BinaryField(default=bytes)
    fingerprint = models.CharField(max_length=64, blank=True, default="")
    seen_at = models.DateTimeField(help_text="when it was last asked for, or read")
    fault = models.CharField(max_length=255, blank=True, default="")
    warned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "issuer"], name="one_row_per_revocation_list"
            )
        ]

    def __str__(self) -> str:
        """Show whose it is and where from."""
        return f"{self.issuer or '?'} ({self.source})"
