"""What a station keeps of a customer, asked for and deleted (2.0.1 N09, N10)."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from charge_points.models import CustomerInformation
from charge_points.services.rows import insert_unless_exists

RETENTION: Final = timedelta(days=30)
"""The answer is personal data: who asked has had it long since."""

PARTS_MAX: Final = 1000
TEXT_CHARS_MAX: Final = 512


@transaction.atomic
def record_answer(  # noqa: PLR0913 - the fields of one row, all named
    *,
    charge_point_id: int,
    operator_id: int,
    request_id: int,
    report: bool,
    clear: bool,
    status: str,
    at: datetime,
) -> None:
    """CustomerInformation was answered; an accepted report follows in parts."""
    row = _row(charge_point_id, operator_id, request_id, at)
    row.is_report, row.is_clear = report, clear
    row.status_text = status[:20]
    if status != "Accepted":
        row.state = CustomerInformation.State.REFUSED
        row.completed_at = at
    elif not report:
        row.state = CustomerInformation.State.COMPLETE
        row.completed_at = at
    row.save()


@transaction.atomic
def record_part(  # noqa: PLR0913 - the fields of one row, all named
    *,
    charge_point_id: int,
    operator_id: int,
    request_id: int,
    seq_no: int,
    to_be_continued: bool,
    text: str,
    at: datetime,
) -> bool:
    """NotifyCustomerInformation: a part, in any order; a repeat changes nothing.

    Returns:
        Whether the report is complete.
    """
    row = _row(charge_point_id, operator_id, request_id, at)
    if str(seq_no) not in row.parts and len(row.parts) < PARTS_MAX:
        row.parts[str(seq_no)] = text[:TEXT_CHARS_MAX]
    if not to_be_continued:
        row.last_part = seq_no
    complete = row.last_part is not None and all(
        str(number) in row.parts for number in range(row.last_part + 1)
    )
    if complete and row.completed_at is None:
        row.state = CustomerInformation.State.COMPLETE
        row.completed_at = at
    row.save()
    return complete


def _row(
    charge_point_id: int, operator_id: int, request_id: int, at: datetime
) -> CustomerInformation:
    """Locked; a part may overtake the record of the answer."""
    insert_unless_exists(
        CustomerInformation(
            operator_id=operator_id,
            charge_point_id=charge_point_id,
            request_id=request_id,
            asked_at=at,
        )
    )
    return CustomerInformation.objects.select_for_update(no_key=True).get(
        charge_point_id=charge_point_id, request_id=request_id
    )


@transaction.atomic
def forget(*, at: datetime) -> int:
    """Task: drop reports after ``RETENTION``; returns how many."""
    old = CustomerInformation.objects.filter(asked_at__lt=at - RETENTION)
    return old.delete()[0]
