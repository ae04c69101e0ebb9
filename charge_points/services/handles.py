"""Moves of start handles, together with the certificate of the same order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Case, Value, When

from charge_points import events
from charge_points.models import ChargingCertificate, Command, StartHandle
from charge_points.models.states import CERTIFICATE, COMMAND, START_HANDLE
from charge_points.services.rows import execute_columns, numbers
from cpms.outbox import publish_many

REASON_CHARS_MAX: Final = 80
CERTIFICATE_REASON_CHARS_MAX: Final = 60

TIMED_OUT: Final = "start_timeout"
UNPLUGGED: Final = "unplugged"


@dataclass(frozen=True, slots=True)
class Failure:
    """A start that will not happen."""

    order_number: str
    reason: str


def fail_many(
    failures: Sequence[Failure], *, at: datetime, timed_out: bool = False
) -> int:
    """Fail pending handles, their certificates and queued commands; tell billing.

    Handles that are no longer pending stay as they are.

    Returns:
        How many failed now.
    """
    reasons = {failure.order_number: failure.reason for failure in failures}
    rows = list(
        StartHandle.objects.select_for_update(no_key=True)
        .filter(order_number__in=reasons, state__in=START_HANDLE.sources("failed"))
        .order_by("pk")
    )
    if not rows:
        return 0
    for row in rows:
        row.state = StartHandle.State.FAILED
        row.ended_at = at
        row.end_reason = reasons[row.order_number][:REASON_CHARS_MAX]
    StartHandle.objects.bulk_update(rows, ["state", "ended_at", "end_reason"])
    numbers = [row.order_number for row in rows]
    end_certificates(numbers, state="failed", reasons=reasons, at=at)
    withdraw_commands(numbers, at=at)
    publish_many(
        [
            events.start_timed_out(
                operator_id=row.operator_id, order_number=row.order_number
            )
            if timed_out
            else events.start_failed(
                operator_id=row.operator_id,
                order_number=row.order_number,
                reason=reasons[row.order_number],
            )
            for row in rows
        ]
    )
    return len(rows)


def end_certificates(
    order_numbers: Sequence[str], *, state: str, reasons: dict[str, str], at: datetime
) -> int:
    """Move the certificates of orders to a final state, where the table allows it."""
    rows = list(
        ChargingCertificate.objects.select_for_update(no_key=True)
        .filter(order_number__in=order_numbers, state__in=CERTIFICATE.sources(state))
        .order_by("pk")
    )
    for row in rows:
        row.state = ChargingCertificate.State(state)
        row.ended_at = at
        reason = reasons.get(row.order_number or "", "")
        row.end_reason = reason[:CERTIFICATE_REASON_CHARS_MAX]
    if rows:
        ChargingCertificate.objects.bulk_update(
            rows, ["state", "ended_at", "end_reason"]
        )
    return len(rows)


def withdraw_commands(order_numbers: Sequence[str], *, at: datetime) -> None:
    """End start commands that have not left yet."""
    Command.objects.filter(
        order_number__in=order_numbers,
        intent="start",
        state__in=COMMAND.sources("cancelled"),
    ).update(
        state=Case(
            When(expires_at__lte=at, then=Value("expired")), default=Value("cancelled")
        ),
        answered_at=at,
    )


def mark_started(*, order_number: str, transaction_id: int) -> bool:
    """Let the first transaction consume the handle and the certificate.

    A late start (told after the timeout) takes a failed or cancelled handle, unless
    the connector has another live one.

    Returns:
        Whether the handle moved.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE charge_points_starthandle AS handle SET state = 'started', "
            "transaction_id = %s WHERE order_number = %s "
            "AND state IN ('pending', 'failed', 'cancelled') AND (state = 'pending' "
            "OR NOT EXISTS (SELECT FROM charge_points_starthandle AS other "
            "WHERE other.connector_id = handle.connector_id "
            "AND other.state IN ('pending', 'started'))) "
            "RETURNING soc_limit_percent",
            [transaction_id, order_number],
        )
        found = cursor.fetchone()
        moved = found is not None
        if found is not None and found[0] is not None:
            cursor.execute(
                "UPDATE charge_points_transaction SET soc_limit_percent = %s "
                "WHERE id = %s",
                [found[0], transaction_id],
            )
        if moved:
            cursor.execute(
                "UPDATE charge_points_chargingcertificate SET state = 'started' "
                "WHERE order_number = %s AND state = 'claimed'",
                [order_number],
            )
    return moved


def mark_ended_many(ended: Mapping[int, datetime]) -> None:
    """These transactions ended (id -> instant), whatever order they have by now."""
    if not ended:
        return
    execute_columns(
        "UPDATE charge_points_starthandle AS handle "
        "SET state = 'ended', ended_at = v.at "
        "FROM unnest(%s::bigint[], %s::timestamptz[]) AS v (transaction_id, at) "
        "WHERE handle.transaction_id = v.transaction_id AND handle.state = 'started'",
        [numbers(ended), numbers(ended.values())],
    )
