"""Parts of the reports that a 2.0.1 station sends after GetBaseReport."""

from django.db import models

from charge_points.models.base import TenantModel


class ReportPart(TenantModel):
    """One NotifyReport: which number, and whether more follow."""

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    request_id = models.BigIntegerField()
    seq_no = models.BigIntegerField()
    to_be_continued = models.BooleanField()
    variables = models.PositiveIntegerField(help_text="attributes in this part")
    generated_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "request_id", "seq_no"],
                name="one_report_part",
            )
        ]

    def __str__(self) -> str:
        """Show request and number."""
        return f"report {self.request_id} part {self.seq_no}"
