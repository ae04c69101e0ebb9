"""Keys that sign charging certificates."""

from django.db import models


class CertificateKey(models.Model):
    """An ES256 key pair of the platform.

    The newest one that is not retired signs; a retired one stays in the JWKS until
    what it signed has run out. The private key is encrypted with
    ``KEY_ENCRYPTION_KEY`` (Fernet).
    """

    kid = models.CharField(max_length=43, unique=True, help_text="RFC 7638 thumbprint")
    public_jwk = models.JSONField()
    private_key = models.BinaryField()
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                models.F("retired_at"),
                condition=models.Q(retired_at__isnull=True),
                name="one_signing_key",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        """Show the key's id."""
        return self.kid
