"""Whether charges may begin, and under whose name; for many at once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from charge_points.models import ChargePoint, Connector, StartHandle, Transaction
from charge_points.services import authorization, handles, quirks
from charge_points.services.authorization import CONTRACT, ORDER_NUMBER, Policy
from charge_points.services.facts import (
    Authorization,
    QuirkRow,
    StartFact,
    TransactionFact,
)

OFFLINE_AFTER: Final = timedelta(minutes=2)
"""A start that arrives so late began without us: it is accepted as it comes."""
PLUG_AND_CHARGE: Final = "plug_and_charge"
NO_TOKEN_TYPES: Final = frozenset({"NoAuthorization"})


@dataclass(frozen=True, slots=True)
class Attempt:
    """A token that wants to charge on a connector; ``key`` is the token's."""

    charge_point_id: int
    operator_id: int
    connector_id: int | None
    key: str
    token_type: str
    started_at: datetime
    received_at: datetime
    offline: bool
    remote_start_id: int | None = None

    @property
    def is_late(self) -> bool:
        """Whether it is told after the fact, for whatever reason."""
        return self.offline or self.received_at - self.started_at > OFFLINE_AFTER


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


@dataclass(slots=True)
class _Known:
    """What the database says about all attempts of a set."""

    by_number: dict[str, StartHandle]
    by_id: dict[int, StartHandle]
    policies: dict[tuple[str, int], Policy]
    running: dict[str, set[int | None]]
    unknown: list[QuirkRow]


def began_offline(facts: Collection[StartFact | TransactionFact]) -> set[int]:
    """Which starts happened without us, as ``id()`` of the facts.

    2.0.1 says so. In 1.6 it is what arrives late, by more than the station's clock
    lags behind. But a station whose line has been up since before the start began
    nothing without us: its clock is wrong (local time written as UTC), and its token
    is judged as any other.
    """
    told: set[int] = set()
    late: list[StartFact] = []
    for fact in facts:
        if isinstance(fact, TransactionFact):
            told |= {id(fact)} if fact.offline else set()
        elif _delay(fact) > OFFLINE_AFTER:
            late.append(fact)
    if not late:
        return told
    up_since = dict(
        ChargePoint.objects.filter(
            pk__in={fact.charge_point_id for fact in late},
            disconnected_at__isnull=True,
            connected_at__isnull=False,
        ).values_list("pk", "connected_at")
    )
    never = datetime.max.replace(tzinfo=UTC)
    return told | {
        id(fact)
        for fact in late
        if fact.started_at < (up_since.get(fact.charge_point_id) or never)
    }


def _delay(fact: StartFact) -> timedelta:
    """How long a start was on its way; a clock that runs ahead hides nothing."""
    behind = max(fact.clock_lag or timedelta(0), timedelta(0))
    return fact.received_at - fact.started_at - behind


def admit_many(attempts: Sequence[Attempt]) -> list[Admission]:
    """Decide in order; start handles stay locked until the transaction ends.

    An earlier attempt of the set counts for a later one: a token or an order that
    started twice in the same moment started once.
    """
    known = _load(attempts)
    admissions = [_admit(attempt, known) for attempt in attempts]
    quirks.count_many(known.unknown)
    return admissions


def _load(attempts: Sequence[Attempt]) -> _Known:
    orders = {a.key for a in attempts if ORDER_NUMBER.fullmatch(a.key)}
    starts = [
        a.remote_start_id
        for a in attempts
        if not a.key and a.remote_start_id is not None
    ]
    locked: list[StartHandle] = []
    if orders or starts:
        rows = StartHandle.objects.select_for_update(no_key=True).order_by("pk")
        locked = list(rows.filter(order_number__in=orders))
        locked += list(rows.filter(pk__in=starts)) if starts else []
    by_number = {row.order_number: row for row in locked}
    tokens = {(a.key, a.operator_id) for a in attempts if a.key not in by_number}
    policies = authorization.find_policies(tokens)
    exclusive = {key for (key, _), p in policies.items() if not p.concurrent_allowed}
    return _Known(
        by_number,
        {row.pk: row for row in locked},
        policies,
        authorization.running_places(exclusive),
        [],
    )


def _admit(attempt: Attempt, known: _Known) -> Admission:
    handle = known.by_number.get(attempt.key)
    if handle is None and not attempt.key and attempt.remote_start_id is not None:
        found = known.by_id.get(attempt.remote_start_id)
        same = found is not None and found.charge_point_id == attempt.charge_point_id
        handle = found if same else None
    if handle is not None:
        return _admit_order(attempt, handle)
    answer = _judge(attempt, known)
    if not (answer.accepted or attempt.offline):
        return Admission(answer, "")
    known.running.setdefault(attempt.key, set()).add(attempt.connector_id)
    if attempt.offline:
        # Energy flowed already. The answer tells the station the truth all the same.
        return Admission(answer, "offline")
    # 1.6 has no types of tokens: what was registered as a contract is one.
    policy = known.policies.get((attempt.key, attempt.operator_id))
    kind = attempt.token_type or (policy.token_type if policy else "")
    return Admission(answer, PLUG_AND_CHARGE if kind == CONTRACT else "token")


def _judge(attempt: Attempt, known: _Known) -> Authorization:
    """The policy's word, and one charge at a time.

    A charge that still runs on the same connector does not count: the new one tells
    that it ended.
    """
    at = attempt.started_at if attempt.offline else attempt.received_at
    policy = known.policies.get((attempt.key, attempt.operator_id))
    if policy is None:
        known.unknown.append(
            authorization.unknown_token(
                attempt.charge_point_id, attempt.operator_id, at
            )
        )
        return authorization.UNKNOWN
    answer = authorization.INVALID
    if policy.is_presented_by(attempt.token_type):
        answer = authorization.judge(policy, at)
    if answer.accepted and policy.stop_only:
        # A master pass stops the charges of all and starts none (2.0.1 C16).
        return replace(answer, status="Invalid")
    if answer.accepted and policy.is_confined:
        answer = _at_place(policy, answer, attempt, at)
    if not answer.accepted or policy.concurrent_allowed:
        return answer
    if known.running.get(attempt.key, set()) - {attempt.connector_id}:
        return Authorization(
            "ConcurrentTx", answer.expires_at, answer.group, answer.driver_id
        )
    return answer


def _at_place(
    policy: Policy, answer: Authorization, attempt: Attempt, at: datetime
) -> Authorization:
    connector = Connector.objects.filter(pk=attempt.connector_id or 0).first()
    kind = "" if connector is None else connector.type
    place = authorization.place_of(attempt.charge_point_id, kind)
    return authorization.confined(policy, answer, place, at)


def _admit_order(attempt: Attempt, handle: StartHandle) -> Admission:
    refused = Admission(authorization.INVALID, "")
    at_home = handle.charge_point_id == attempt.charge_point_id
    if not at_home or handle.connector_id != attempt.connector_id:
        authorization.report_foreign_handle(
            handle, attempt.charge_point_id, attempt.operator_id, attempt.received_at
        )
        return refused
    if handle.state == "started":
        return Admission(Authorization("ConcurrentTx"), "")
    if not _in_time(attempt, handle):
        return refused
    handle.state = StartHandle.State.STARTED  # for the rest of the set
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
    if handle.state == "ended" or not attempt.is_late:
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
    row.id_token = attempt.key
    is_contract = admission.started_by == PLUG_AND_CHARGE
    row.id_token_type = CONTRACT if is_contract else attempt.token_type[:20]
    row.id_token_status = admission.authorization.status
    row.started_by = admission.started_by
    if admission.admitted:
        row.announced_at = attempt.received_at
    handle = admission.handle
    if handle is not None:
        row.id_token = handle.order_number
        row.order_number = handle.order_number
        row.energy_limit_wh = handle.energy_limit_wh
        row.ends_by = handle.ends_by
