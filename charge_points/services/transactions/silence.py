"""Charges that never got a stop."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from charge_points.models import Transaction
from charge_points.services.transactions.lifecycle import (
    SILENT,
    close_from_last_sample,
)

SILENT_AFTER: Final = timedelta(hours=24)
"""Longer than links use to be down; a stop that comes later corrects the estimate."""
SWEEP_MAX: Final = 200
NOT_ONGOING: Final = "NotOngoing"


@transaction.atomic
def close_silent(
    *, at: datetime, silent_after: timedelta = SILENT_AFTER, limit: int = SWEEP_MAX
) -> int:
    """Sweep: close charges of which nothing came for long, from their last sample.

    Refused ones are closed as well, so that nothing stays open for ever.

    Returns:
        How many were closed.
    """
    rows = list(
        Transaction.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(
            state__in=("active", "refused"),
            last_seen_at__lte=at - silent_after,
        )
        .order_by("pk")[:limit]
    )
    close_from_last_sample(rows, reason=SILENT, at=at)
    return len(rows)


@transaction.atomic
def record_not_ongoing(
    *, charge_point_id: int, ocpp_id: str, has_queue: bool, at: datetime
) -> bool:
    """A station says that a charge is over there (2.0.1 E14).

    While messages of it wait in the station its end is still to come; with none it is
    lost, and the charge is closed from its last sample.

    Returns:
        Whether it was closed.
    """
    if has_queue:
        return False
    rows = list(
        Transaction.objects.select_for_update(no_key=True).filter(
            charge_point_id=charge_point_id,
            ocpp_id=ocpp_id,
            state__in=("active", "refused"),
        )
    )
    close_from_last_sample(rows, reason=NOT_ONGOING, at=at)
    return bool(rows)
