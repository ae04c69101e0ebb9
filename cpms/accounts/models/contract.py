"""A charging contract that a driver's vehicle presents (ISO 15118 Plug & Charge)."""

from django.db import models


class Contract(models.Model):
    """An eMAID and the account that pays for what is charged under it.

    ``emaid`` has no hyphens and upper case. ``proved``: the contract certificate's key
    signed the registration; such a one takes the eMAID from one without proof.
    """

    class State(models.TextChoices):
        """A cancelled contract is refused as such (ContractCancelled)."""

        ACTIVE = "active"
        CANCELLED = "cancelled"

    driver = models.ForeignKey("accounts.Driver", on_delete=models.CASCADE)
    emaid = models.CharField(max_length=15)
    label = models.CharField(max_length=80, blank=True, default="")
    state = models.CharField(max_length=9, choices=State, default=State.ACTIVE)
    proved = models.BooleanField(default=False)
    certificate_expires_at = models.DateTimeField(null=True, blank=True)
    registered_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["emaid"],
                condition=models.Q(state="active"),
                name="one_active_contract_per_emaid",
            ),
            models.CheckConstraint(
                condition=models.Q(emaid__regex=r"^[A-Z]{2}[A-Z0-9]{12,13}$"),
                name="contract_emaid_shape",
            ),
        ]

    def __str__(self) -> str:
        """Show the eMAID."""
        return self.emaid
