"""An address of an operator's system."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class WebhookEndpoint(models.Model):
    """Where events go; ``types`` empty means all. The secret is sealed at rest."""

    operator = models.ForeignKey("accounts.Operator", on_delete=models.CASCADE)
    url = models.CharField(max_length=500)
    description = models.CharField(max_length=120, blank=True, default="")
    types = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    secret_sealed = models.TextField()
    previous_secret_sealed = models.TextField(blank=True, default="")
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=200, blank=True, default="")
    failing_since = models.DateTimeField(null=True, blank=True)
    rest_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "webhook endpoint"
        indexes = [
            models.Index(
                fields=["operator"],
                name="webhook_endpoint_active",
                condition=models.Q(is_active=True),
            )
        ]

    def __str__(self) -> str:
        """Show the address."""
        return self.url
