"""What a station knows of a customer (2.0.1 N09, N10)."""

from django.db import models

from charge_points.models.base import TenantModel


class CustomerInformation(TenantModel):
    """One request and the parts of its report.

    The text is personal data: it is dropped after ``RETENTION`` (see the service).
    """

    class State(models.TextChoices):
        """How far it is."""

        ACCEPTED = "accepted"
        COMPLETE = "complete"
        REFUSED = "refused"

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    request_id = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=State, default=State.ACCEPTED)
    is_report = models.BooleanField(default=False)
    is_clear = models.BooleanField(default=False)
    status_text = models.CharField(max_length=20, blank=True, default="")
    parts = models.JSONField(default=dict, help_text="sequence number -> text")
    last_part = models.PositiveIntegerField(null=True, blank=True)
    asked_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "request_id"],
                name="one_customer_information",
            )
        ]

    def __str__(self) -> str:
        """Show the request."""
        return f"customer information {self.request_id}"

    @property
    def text(self) -> str:
        """The report as far as it came, in order."""
        return "".join(self.parts[key] for key in sorted(self.parts, key=int))
