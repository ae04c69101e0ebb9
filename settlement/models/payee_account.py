"""An operator's own account at a payment provider."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class PayeeAccount(models.Model):
    """Where an operator's money arrives; what the provider lets it do is mirrored."""

    class Mode(models.TextChoices):
        """How calls reach the account.

        ``connected``: with the platform's key in the name of the account; the
        platform's fee is taken by the provider at the capture.
        ``own_key``: with the operator's own restricted key, sealed at rest; nothing of
        the platform is in between, and its fee becomes a monthly invoice.
        """

        CONNECTED = "connected"
        OWN_KEY = "own_key"

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT)
    provider = models.CharField(max_length=40)
    reference = models.CharField(max_length=80)
    mode = models.CharField(max_length=12, choices=Mode, default=Mode.CONNECTED)
    currency = models.CharField(max_length=3)
    is_default = models.BooleanField(default=True)
    charges_enabled = models.BooleanField(default=False)
    payouts_enabled = models.BooleanField(default=False)
    requirements_due = ArrayField(
        models.CharField(max_length=120), default=list, blank=True
    )
    disabled_reason = models.CharField(max_length=120, blank=True, default="")
    sealed_key = models.TextField(blank=True, default="", editable=False)
    sealed_webhook_secret = models.TextField(blank=True, default="", editable=False)
    key_ending = models.CharField(
        max_length=4,
        blank=True,
        default="",
        editable=False,
        help_text="The last characters of the operator's own key",
    )
    key_set_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Signs the provider's webhooks until the new endpoint's secret took over.
    sealed_former_webhook_secret = models.TextField(
        blank=True, default="", editable=False
    )
    former_webhook_secret_until = models.DateTimeField(
        null=True, blank=True, editable=False
    )
    due_by = models.DateTimeField(
        null=True, blank=True, help_text="When the provider begins to block it"
    )
    warned_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    events_after = models.CharField(max_length=80, blank=True, default="")
    books_after = models.CharField(max_length=80, blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "reference"], name="payee_account_once"
            ),
            models.UniqueConstraint(
                fields=["operator", "currency"],
                condition=models.Q(is_default=True),
                name="one_default_payee_account",
            ),
            models.CheckConstraint(
                condition=models.Q(currency__regex=r"^[A-Z]{3}$"),
                name="payee_account_iso4217",
            ),
            models.CheckConstraint(
                condition=~models.Q(reference=""), name="payee_account_reference"
            ),
            models.CheckConstraint(
                condition=~models.Q(mode="own_key") ^ ~models.Q(sealed_key=""),
                name="payee_account_own_key",
            ),
        ]

    def __str__(self) -> str:
        """Show the provider's name for it."""
        return f"{self.provider} {self.reference}"
