"""Whether a charge may begin, and under whose name."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from charge_points.models import Connector, StartHandle, Transaction
from charge_points.services import authorization, handles
from charge_points.services.facts import Authorization
from charge_points.services.id_tokens import token_key

OFFLINE_AFTER: Final = timedelta(minutes=2)
"""A start that arrives so late began without us: it is accepted as it comes."""
# 2.0.1 token types that are contract certificates: Plug & Charge.
PLUG_AND_CHARGE_TYPES: Final = frozenset({"eMAID"})
NO_TOKEN_TYPES: Final = frozenset({"NoAuthorization"})


@dataclass(frozen=True, slots=True)
class Attempt:
    """A token that wants to charge on a connector."""

    charge_point_id: int
    operator_id: int
    connector: Connector | None
    token: str
    token_type: str
    started_at: datetime
    received_at: datetime
    offline: bool
    remote_start_id: int | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """``started_by`` is empty for a refused start."""

    authorization: Authorization
    started_by: str
    handle: StartHandle | None = None

    @property
    def admitted(self) -> bool:
        """Whether the charge counts: refused ones are kept and never billed."""
        return bool(self.started_by)


def admit(attempt: Attempt) -> Admission:
    """Decide; a start handle stays locked until the database transaction ends."""
    handle = _handle_of(attempt)
    if handle is not None:
        return _admit_order(attempt, handle)
    answer = authorization.judge_start(
        charge_point_id=attempt.charge_point_id,
        operator_id=attempt.operator_id,
        connector_id=None if attempt.connector is None else attempt.connector.pk,
        token=attempt.token,
        at=attempt.started_at if attempt.offline else attempt.received_at,
    )
    if attempt.offline:
        # Energy flowed already. The answer tells the station the truth all the same.
        return Admission(answer, "offline")
    if not answer.accepted:
        return Admission(answer, "")
    pnc = attempt.token_type in PLUG_AND_CHARGE_TYPES
    return Admission(answer, "plug_and_charge" if pnc else "token")


def _handle_of(attempt: Attempt) -> StartHandle | None:
    """By the order number as token, or (2.0.1) by the remote start's own number."""
    found = authorization.find_handle(attempt.token)
    if found is None and attempt.remote_start_id is not None and not attempt.token:
        found = StartHandle.objects.filter(
            pk=attempt.remote_start_id, charge_point_id=attempt.charge_point_id
        ).first()
    return None if found is None else authorization.lock_handle(found.order_number)


def _admit_order(attempt: Attempt, handle: StartHandle) -> Admission:
    refused = Admission(Authorization("Invalid"), "")
    place = attempt.connector
    at_home = handle.charge_point_id == attempt.charge_point_id
    if not at_home or place is None or handle.connector_id != place.pk:
        authorization.report_foreign_handle(
            handle, attempt.charge_point_id, attempt.operator_id, attempt.received_at
        )
        return refused
    if handle.state == "started":
        return Admission(Authorization("ConcurrentTx"), "")
    if not _in_time(attempt, handle):
        return refused
    accepted = Authorization("Accepted", order_number=handle.order_number)
    return Admission(accepted, "order", handle)


def _in_time(attempt: Attempt, handle: StartHandle) -> bool:
    """Whether the charge began while the handle was good.

    A pending handle is judged by our clock. After its end only a charge that began
    before it, and is told late, still belongs to the order.
    """
    if handle.requested_at is None:
        return False
    if handle.state == "pending" and attempt.received_at <= handle.start_by:
        return True
    if handle.state == "ended" or not attempt.offline:
        return False
    good_until = handle.start_by
    if handle.state == "cancelled" and handle.ended_at is not None:
        good_until = min(good_until, handle.ended_at)
    began_after = attempt.started_at >= handle.requested_at - OFFLINE_AFTER
    return began_after and attempt.started_at <= good_until


def consume(row: Transaction, admission: Admission) -> None:
    """Tie a stored transaction to the order that let it start."""
    handle = admission.handle
    if handle is not None:
        handles.mark_started(order_number=handle.order_number, transaction_id=row.pk)


def fill(row: Transaction, attempt: Attempt, admission: Admission) -> None:
    """Write an admission down on a transaction (not saved here)."""
    handle = admission.handle
    row.id_token = token_key(attempt.token)
    row.id_token_type = attempt.token_type[:20]
    row.id_token_status = admission.authorization.status
    row.started_by = admission.started_by
    if handle is not None:
        row.id_token = handle.order_number
        row.order_number = handle.order_number
        row.energy_limit_wh = handle.energy_limit_wh
        row.ends_by = handle.ends_by
