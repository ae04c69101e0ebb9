"""What every tenant-owned table shares."""

from django.db import models


class TenantModel(models.Model):
    """A row of one operator.

    The database holds it to the operator of its parents by composite foreign keys
    (operator, parent), so that Django's own constraints are switched off.
    """

    operator = models.ForeignKey(
        "accounts.Operator",
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )

    class Meta:
        abstract = True
