"""The built-in CA of the stations."""

from django.db import models


class StationAuthority(models.Model):
    """One CA key: the root, or the sub-CA below it that signs. Keys are sealed."""

    class Role(models.TextChoices):
        """The root signs sub-CAs only."""

        ROOT = "root"
        SUB = "sub"

    role = models.CharField(max_length=4, choices=Role)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    certificate_pem = models.TextField()
    private_key_encrypted = models.TextField()
    crl_number = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "station authorities"

    def __str__(self) -> str:
        """Show what it is and since when."""
        return f"{self.role} CA of {self.created_at:%Y-%m-%d}"
