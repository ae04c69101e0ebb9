"""Proofs that vehicles have used: each counts once."""

from django.db import models


class UsedProof(models.Model):
    """The ``jti`` of a vehicle's proof (design page 1.4: one jti per proof)."""

    vehicle = models.ForeignKey("accounts.Vehicle", on_delete=models.PROTECT)
    jti = models.CharField(max_length=128)
    order_number = models.CharField(max_length=20)
    used_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["vehicle", "jti"], name="proof_used_once")
        ]

    def __str__(self) -> str:
        """Show the order that it made."""
        return f"proof for {self.order_number}"
