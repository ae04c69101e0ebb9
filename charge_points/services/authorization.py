"""Who may charge: answered at once from the start policy, or from a start handle."""

import re
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Q

from charge_points.models import IdToken, StartHandle, Transaction
from charge_points.services import quirks, security
from charge_points.services.facts import Authorization, QuirkRow, SecurityRow
from charge_points.services.id_tokens import token_key

ORDER_NUMBER: Final = re.compile(r"[0-9A-F]{20}")
UNKNOWN_TOKEN: Final = "unknown_token"  # noqa: S105 - the name of a count

_INVALID: Final = Authorization("Invalid")
_ANSWER_BY_STATUS: Final = {
    "blocked": "Blocked",
    "expired": "Expired",
    "invalid": "Invalid",
}


def authorize(
    *,
    charge_point_id: int,
    operator_id: int,
    token: str,
    token_type: str = "",
    at: datetime,
) -> Authorization:
    """Answer Authorize; nothing is consumed, and no connector is named.

    A start handle (order number) is Accepted for the charge point it was made for,
    from the start request until its start timeout, and while its own charge runs.
    Elsewhere it is Invalid and a security event. Unknown tokens leave no row, only a
    count per charge point.

    Args:
        charge_point_id: who asks.
        operator_id: whose it is.
        token: as presented.
        token_type: as 2.0.1 names it; empty for 1.6.
        at: now.
    """
    del token_type  # what a token is called changes nothing about what it may do
    handle = find_handle(token)
    if handle is not None:
        return _authorize_handle(handle, charge_point_id, operator_id, at)
    policy = find_policy(token, operator_id)
    if policy is None:
        _count_unknown(charge_point_id, operator_id, at)
        return _INVALID
    return judge(policy, at)


def find_handle(token: str) -> StartHandle | None:
    """The start handle that this token is, if it is one."""
    key = token_key(token)
    if not ORDER_NUMBER.fullmatch(key):
        return None
    return StartHandle.objects.filter(order_number=key).first()


def _authorize_handle(
    handle: StartHandle, charge_point_id: int, operator_id: int, at: datetime
) -> Authorization:
    if handle.charge_point_id != charge_point_id:
        report_foreign_handle(handle, charge_point_id, operator_id, at)
        return _INVALID
    pending = handle.state == "pending" and handle.requested_at is not None
    if handle.state == "started" or (pending and at <= handle.start_by):
        return Authorization("Accepted", order_number=handle.order_number)
    return _INVALID


def report_foreign_handle(
    handle: StartHandle, charge_point_id: int, operator_id: int, at: datetime
) -> None:
    """Somebody presented an order number where it does not belong.

    The event tells neither number: it is another customer's secret.
    """
    same = handle.charge_point_id == charge_point_id
    where = "connector" if same else "charge point"
    security.record(
        SecurityRow(
            charge_point_id=charge_point_id,
            operator_id=operator_id,
            kind=security.FOREIGN_START_HANDLE,
            occurred_at=at,
            received_at=at,
            detail=f"An order number made for another {where} was presented.",
        )
    )


def find_policy(token: str, operator_id: int) -> IdToken | None:
    """The operator's own policy, else the common one, else None."""
    rows = IdToken.objects.filter(token_key=token_key(token)).filter(
        Q(operator_id=operator_id) | Q(operator_id__isnull=True)
    )
    found = sorted(rows, key=lambda row: row.operator_id is None)
    return found[0] if found else None


def judge(policy: IdToken, at: datetime) -> Authorization:
    """What a policy says at an instant, before any charge is looked at."""
    status = _ANSWER_BY_STATUS.get(policy.status, "Accepted")
    if status == "Accepted" and policy.account_state == "blocked":
        status = "Blocked"
    if (
        status == "Accepted"
        and policy.expires_at is not None
        and policy.expires_at <= at
    ):
        status = "Expired"
    return Authorization(
        status=status,  # type: ignore[arg-type]  # a word of the table above
        expires_at=policy.expires_at,
        group=policy.group_id,
        driver_id=policy.driver_id,
    )


def judge_start(
    *,
    charge_point_id: int,
    operator_id: int,
    connector_id: int | None,
    token: str,
    at: datetime,
) -> Authorization:
    """As ``authorize`` for a token that begins a charge: one charge at a time.

    A charge that still runs on the same connector does not count: the new one tells
    that it ended.
    """
    policy = find_policy(token, operator_id)
    if policy is None:
        _count_unknown(charge_point_id, operator_id, at)
        return _INVALID
    answer = judge(policy, at)
    if not answer.accepted or policy.concurrent_allowed:
        return answer
    running = Transaction.objects.filter(
        state="active", id_token=token_key(token)
    ).exclude(started_by="")
    if connector_id is not None:
        running = running.exclude(connector_id=connector_id)
    if running.exists():
        return Authorization(
            "ConcurrentTx", answer.expires_at, answer.group, answer.driver_id
        )
    return answer


def judge_stop(row: Transaction, token: str, *, at: datetime) -> Authorization:
    """What a token is worth in a charge that runs or ran: its own is always good."""
    key = token_key(token)
    if key in {row.id_token, row.order_number}:
        return Authorization("Accepted", order_number=row.order_number)
    policy = find_policy(key, row.operator_id)
    return _INVALID if policy is None else judge(policy, at)


def _count_unknown(charge_point_id: int, operator_id: int, at: datetime) -> None:
    quirks.count(
        QuirkRow(
            charge_point_id=charge_point_id,
            operator_id=operator_id,
            version="",
            quirk=UNKNOWN_TOKEN,
            at=at,
        )
    )


def lock_handle(order_number: str) -> StartHandle | None:
    """The handle, locked until the end of the database transaction."""
    if not connection.in_atomic_block:
        raise RuntimeError("a lock needs a database transaction")
    return (
        StartHandle.objects.select_for_update(no_key=True)
        .filter(order_number=order_number)
        .first()
    )
