"""Whether an operator can be paid: the start policy of all tokens at its stations."""

from django.db import models

from charge_points.models.base import TenantModel


class OperatorPolicy(TenantModel):
    """Kept up to date by billing; an operator without a row refuses nobody.

    ``can_be_paid`` False blocks the tokens of drivers beforehand: what they would
    draw could not be paid to anybody. An operator's own tokens (no account) pass.
    """

    can_be_paid = models.BooleanField(default=True)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operator"], name="one_operator_policy")
        ]

    def __str__(self) -> str:
        """Show the policy."""
        return "can be paid" if self.can_be_paid else "cannot be paid"
