"""Who changed what: append-only."""

from django.db import models


class AuditEntry(models.Model):
    """One deed, written in the database transaction that did it."""

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, null=True, blank=True
    )
    actor = models.CharField(max_length=120)
    action = models.CharField(max_length=80)
    object = models.CharField(max_length=160)
    changes = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["operator", "-at"], name="audit_by_operator")]

    def __str__(self) -> str:
        """Show the deed."""
        return f"{self.actor}: {self.action} {self.object}"
