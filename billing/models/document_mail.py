"""Mails with documents: each at most once, as far as mail allows."""

from django.db import models


class DocumentMail(models.Model):
    """Written before the mail server is asked, so that a crash leaves a trace.

    PREPARED: nothing was sent yet. SENDING: the server is being asked; a worker that
    dies now leaves nobody who knows. SENT: the server took it. IN_DOUBT: found in
    SENDING later than any server takes; not sent again by itself, since a driver who
    got two mails would look for two payments, and every document is on its page.
    """

    class State(models.TextChoices):
        """Where it stands."""

        PREPARED = "prepared"
        SENDING = "sending"
        SENT = "sent"
        IN_DOUBT = "in_doubt"

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.PROTECT, db_constraint=False
    )
    receipt = models.OneToOneField(
        "billing.Receipt",
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="mail",
    )
    state = models.CharField(max_length=8, choices=State, default=State.PREPARED)
    moved_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    state__in=["prepared", "sending", "sent", "in_doubt"]
                ),
                name="document_mail_state_known",
            )
        ]
        indexes = [
            models.Index(
                fields=["moved_at"],
                name="document_mail_sending",
                condition=models.Q(state="sending"),
            )
        ]

    def __str__(self) -> str:
        """Show of which receipt, and where it stands."""
        return f"mail of receipt {self.receipt_id}: {self.state}"
