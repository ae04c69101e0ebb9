"""Pages of the provider's own: where a payer pays, or saves a method."""

from django.db import models


class Checkout(models.Model):
    """The hosted page of a payment; at most one a payment.

    ``capture`` = the money is taken at once (a debt); else it is held. What the page
    became is asked for, never believed from the payer's return.
    """

    class State(models.TextChoices):
        """As the provider tells; ``wanted`` until it was opened."""

        WANTED = "wanted"
        OPEN = "open"
        COMPLETE = "complete"
        EXPIRED = "expired"

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT)
    payment = models.OneToOneField(
        "settlement.Payment",
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="checkout",
    )
    capture = models.BooleanField(default=False)
    success_url = models.TextField()
    cancel_url = models.TextField()
    locale = models.CharField(max_length=10, blank=True, default="")
    email = models.EmailField(blank=True, default="")
    reference = models.CharField(max_length=100, blank=True, default="")
    url = models.TextField(blank=True, default="")
    state = models.CharField(max_length=10, choices=State, default=State.WANTED)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="wanted") | ~models.Q(reference=""),
                name="checkout_reference",
            )
        ]
        indexes = [models.Index(fields=["reference"], name="checkout_reference_ix")]

    def __str__(self) -> str:
        """Show the provider's name and where it stands."""
        return f"{self.reference or 'page'} {self.state}"


class SetupPage(models.Model):
    """A hosted page where a driver saves a method.

    ``operator_account`` is empty for the platform's methods, else the account of the
    operator with an own key, for which alone the method is saved.
    """

    class State(models.TextChoices):
        """As the provider tells."""

        OPEN = "open"
        COMPLETE = "complete"
        EXPIRED = "expired"

    driver = models.ForeignKey("accounts.Driver", on_delete=models.CASCADE)
    provider = models.CharField(max_length=40)
    operator_account = models.CharField(max_length=80, blank=True, default="")
    reference = models.CharField(max_length=100)
    customer_ref = models.CharField(max_length=80)
    url = models.TextField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "reference"], name="setup_page_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                name="setup_page_open",
                condition=models.Q(state="open"),
            )
        ]

    def __str__(self) -> str:
        """Show the provider's name and where it stands."""
        return f"{self.reference} {self.state}"
