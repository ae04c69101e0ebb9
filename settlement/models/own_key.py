"""An operator's own key on its way in: sealed at once, tried, taken or refused."""

from django.db import models


class OwnKeySubmission(models.Model):
    """A key that an owner gave; a worker tries it at the provider.

    The secrets are sealed while it waits and wiped when it is decided: an accepted
    key lives on with its payee account only.
    """

    class State(models.TextChoices):
        """Pending until the provider was asked with it."""

        PENDING = "pending"
        ACCEPTED = "accepted"
        REFUSED = "refused"

    operator = models.ForeignKey("accounts.Operator", on_delete=models.PROTECT)
    provider = models.CharField(max_length=40)
    reference = models.CharField(max_length=80, help_text="Such as acct_…")
    sealed_key = models.TextField(blank=True, default="", editable=False)
    sealed_webhook_secret = models.TextField(blank=True, default="", editable=False)
    key_ending = models.CharField(max_length=4)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    note = models.CharField(max_length=300, blank=True, default="")
    submitted_by = models.CharField(max_length=120)
    submitted_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="pending", decided_at__isnull=True)
                | models.Q(
                    sealed_key="", sealed_webhook_secret="", decided_at__isnull=False
                ),
                name="own_key_wiped",
            )
        ]
        indexes = [
            models.Index(
                fields=["submitted_at"],
                name="own_key_pending",
                condition=models.Q(state="pending"),
            )
        ]

    def __str__(self) -> str:
        """Show whose, and never more than its ending."""
        return f"{self.reference} …{self.key_ending} {self.state}"
