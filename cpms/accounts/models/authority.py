"""The vehicle CA's certificate and its encrypted key."""

from django.db import models


class VehicleAuthority(models.Model):
    """One row a root; the newest signs."""

    certificate_pem = models.TextField()
    private_key_encrypted = models.TextField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        """Show when it was made."""
        return f"vehicle CA of {self.created_at:%Y-%m-%d}"
