"""Roots that contract certificates of vehicles may lead to (ISO 15118)."""

from django.db import models


class ContractRoot(models.Model):
    """A mobility operator's or V2G root; without operator it counts at all of them."""

    operator = models.ForeignKey(
        "accounts.Operator",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
    )
    fingerprint = models.CharField(max_length=64, help_text="SHA-256, hexadecimal")
    subject = models.CharField(max_length=255)
    certificate_pem = models.TextField()
    not_after = models.DateTimeField()
    added_by = models.CharField(max_length=150)
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint", "operator"],
                name="one_row_per_contract_root",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        """Show whose it is."""
        return self.subject
