"""A payment method that a driver saved: for every operator, or for one."""

from django.db import models


class DriverPaymentMethod(models.Model):
    """References at the provider; card data never reaches us.

    ``operator_account`` is empty for a method on the platform, which is cloned to the
    connected operators; else the account of the operator with an own key, where alone
    it can be used.
    """

    driver = models.ForeignKey("accounts.Driver", on_delete=models.CASCADE)
    provider = models.CharField(max_length=40)
    operator_account = models.CharField(max_length=80, blank=True, default="")
    customer_ref = models.CharField(max_length=80)
    payment_method_ref = models.CharField(max_length=80)
    brand = models.CharField(max_length=20, blank=True, default="")
    last4 = models.CharField(max_length=4, blank=True, default="")
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "payment_method_ref"], name="payment_method_once"
            ),
            models.UniqueConstraint(
                fields=["driver", "operator_account"],
                condition=models.Q(is_default=True),
                name="one_default_payment_method",
            ),
            models.CheckConstraint(
                condition=models.Q(is_default=False)
                | models.Q(removed_at__isnull=True),
                name="default_payment_method_is_there",
            ),
        ]

    def __str__(self) -> str:
        """Show what the driver knows it by."""
        return f"{self.brand} …{self.last4}"
