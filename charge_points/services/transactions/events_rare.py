"""What seldom happens in a 2.0.1 transaction: it opens, gets a token, ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from charge_points.models import StartHandle, Transaction
from charge_points.services import (
    authorization,
    corrections,
    episodes,
    reservations,
)
from charge_points.services.facts import (
    CONTEXT_CLOCK,
    Authorization,
    TransactionFact,
)
from charge_points.services.id_tokens import token_key
from charge_points.services.rows import execute_columns, numbers, texts
from charge_points.services.samples import plausible_wh
from charge_points.services.transactions.admission import (
    NO_TOKEN_TYPES,
    Attempt,
    admit_many,
    began_offline,
    consume,
    fill,
)
from charge_points.services.transactions.inserts import (
    insert_transactions,
    lock_transactions,
)
from charge_points.services.transactions.lifecycle import (
    End,
    announce_many,
    finish_many,
    supersede_older,
    tell_ended,
)
from charge_points.services.transactions.places import (
    Place,
    find_places,
    identities_of,
)

VERSION: Final = "2.0.1"
PLUGGED_IN: Final = "CablePluggedIn"
UNPLUGGED_STATE: Final = "Idle"

_FILL: Final = """
UPDATE charge_points_transaction AS charge SET
    id_token = v.id_token, id_token_type = v.id_token_type,
    id_token_status = v.id_token_status, started_by = v.started_by,
    order_number = v.order_number, remote_start_id = v.remote_start_id,
    energy_limit_wh = v.energy_limit_wh, ends_by = v.ends_by,
    announced_at = v.announced_at
FROM unnest(
    %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[]
) AS v (id, id_token, id_token_type, id_token_status, started_by, order_number,
        remote_start_id, energy_limit_wh, ends_by, announced_at)
WHERE charge.id = v.id
"""


@dataclass(slots=True)
class Rare:
    """An event that does more than carry values, and the answer to its token."""

    fact: TransactionFact
    transaction_id: int
    authorization: Authorization | None = None


def is_rare(fact: TransactionFact) -> bool:
    """Whether an event does more than carry values."""
    return (
        fact.event_type != "Updated"
        or bool(fact.id_token)
        or fact.remote_start_id is not None
        or fact.trigger_reason == PLUGGED_IN
        or fact.charging_state == UNPLUGGED_STATE
    )


def open_missing(facts: Sequence[TransactionFact]) -> None:
    """Make the rows of transactions that are heard of for the first time.

    A plug-in that opens one begins its episode first, so that they belong together.
    """
    places = _places_of(facts)
    _begin_episodes(facts, places)
    if any(fact.trigger_reason == PLUGGED_IN for fact in facts):
        places = _places_of(facts)
    rows = []
    without_us = began_offline(facts)
    for fact in facts:
        place = places.get(_spot(fact))
        offline = id(fact) in without_us
        row = Transaction(
            operator_id=fact.operator_id,
            charge_point_id=fact.charge_point_id,
            evse_number=fact.evse,
            connector_number=fact.connector,
            ocpp_version=VERSION,
            ocpp_id=fact.ocpp_id,
            offline=offline,
            started_at=fact.occurred_at,
            received_at=fact.received_at,
            last_seen_at=fact.received_at,
        )
        if place is not None:
            _put(row, place)
            row.episode_id = None if offline else place.episode_id
        rows.append(row)
    insert_transactions(rows)


def _spot(fact: TransactionFact) -> tuple[int, int, int]:
    return fact.charge_point_id, fact.evse, fact.connector


def _places_of(
    facts: Sequence[TransactionFact],
) -> dict[tuple[int, int, int], Place]:
    return find_places({_spot(f): f.operator_id for f in facts if f.evse})


def _put(row: Transaction, place: Place) -> None:
    row.connector_id = place.connector_id
    row.evse_number = place.evse
    row.connector_number = place.number


def _begin_episodes(
    facts: Sequence[TransactionFact], places: dict[tuple[int, int, int], Place]
) -> None:
    without_us = began_offline(facts)
    episodes.begin_many(
        [
            (
                fact.operator_id,
                fact.charge_point_id,
                places[_spot(fact)].connector_id,
                fact.occurred_at,
                "transaction",
            )
            for fact in facts
            if fact.trigger_reason == PLUGGED_IN
            and fact.evse
            and id(fact) not in without_us
        ]
    )


def apply_many(rares: Sequence[Rare]) -> None:
    """Apply events, in order, to transactions whose values were moved already."""
    if not rares:
        return
    rows = lock_transactions(sorted({rare.transaction_id for rare in rares}))
    plugged = [r.fact for r in rares if r.fact.trigger_reason == PLUGGED_IN]
    if plugged:
        _begin_episodes(plugged, _places_of(plugged))
    for rare in rares:
        _complete(rows[rare.transaction_id], rare.fact)
    _unplug([(rows[r.transaction_id], r.fact) for r in rares])
    waiting = [rare for rare in rares if _asks(rare.fact)]
    while waiting:
        waiting = _authorize_round(waiting, rows)
    _end([(rows[r.transaction_id], r.fact) for r in rares])


def _complete(row: Transaction, fact: TransactionFact) -> None:
    """Later events may name the EVSE, and earlier ones move the start back."""
    changed = []
    if row.connector_id is None and fact.evse:
        _put(row, _places_of([fact])[_spot(fact)])
        changed += ["connector", "evse_number", "connector_number"]
    moved = fact.event_type == "Started" and fact.occurred_at < row.started_at
    if moved:
        row.started_at = fact.occurred_at
        changed.append("started_at")
    if changed:
        row.save(update_fields=changed)
    if moved and row.state == Transaction.State.ENDED:
        corrections.tell(row)


def _unplug(pairs: Sequence[tuple[Transaction, TransactionFact]]) -> None:
    """Cable out: the episode ends, and the idle phase with it."""
    left = {
        row.connector_id: (row, fact)
        for row, fact in pairs
        if fact.charging_state == UNPLUGGED_STATE
        and fact.event_type != "Started"
        and row.connector_id is not None
        and row.unplugged_at is None
    }
    if not left:
        return
    names = identities_of(row.charge_point_id for row, _ in left.values())
    pulled = {
        row.connector_id or 0: (
            fact.occurred_at,
            row.operator_id,
            names[row.charge_point_id],
            row.evse_number,
            row.connector_number,
        )
        for row, fact in left.values()
    }
    episodes.unplug_many(pulled)
    for row, _ in left.values():
        row.refresh_from_db(fields=["unplugged_at"])


def _asks(fact: TransactionFact) -> bool:
    """Whether an event has a token, or names a remote start in place of one."""
    return _has_token(fact) or fact.remote_start_id is not None


def _has_token(fact: TransactionFact) -> bool:
    return bool(fact.id_token) and fact.id_token_type not in NO_TOKEN_TYPES


def _authorize_round(
    waiting: Sequence[Rare], rows: dict[int, Transaction]
) -> list[Rare]:
    """Answer the first open question of each transaction.

    The first good token makes a charge somebody's. A station that was told to start
    remotely may leave it out of Started (design page 1.3).

    Returns:
        The questions of the next round.
    """
    turn: dict[int, Rare] = {}
    rest = []
    for rare in waiting:
        if rare.transaction_id in turn:
            rest.append(rare)
        else:
            turn[rare.transaction_id] = rare
    open_ones = [r for r in turn.values() if _is_open(rows[r.transaction_id])]
    others = [r for r in turn.values() if not _is_open(rows[r.transaction_id])]
    _admit(_known_starts(open_ones), rows)
    _judge_others([rare for rare in others if _has_token(rare.fact)], rows)
    return rest


def _is_open(row: Transaction) -> bool:
    """Whether it is nobody's yet; a refused one that drew energy waits for a person."""
    return not row.started_by and row.announced_at is None


def _known_starts(rares: Sequence[Rare]) -> list[Rare]:
    """Leave out those that only name a remote start that is not ours."""
    bare = [
        rare.fact.remote_start_id
        for rare in rares
        if not _has_token(rare.fact) and rare.fact.remote_start_id is not None
    ]
    found: set[Any] = set()
    if bare:
        handles = StartHandle.objects.filter(pk__in=bare)
        found = set(handles.values_list("pk", "charge_point_id"))
    return [
        rare
        for rare in rares
        if _has_token(rare.fact)
        or (rare.fact.remote_start_id, rare.fact.charge_point_id) in found
    ]


def _admit(rares: Sequence[Rare], rows: dict[int, Transaction]) -> None:
    if not rares:
        return
    without_us = began_offline([rare.fact for rare in rares])
    attempts = [
        _attempt(
            rare.fact, rows[rare.transaction_id], offline=id(rare.fact) in without_us
        )
        for rare in rares
    ]
    admissions = admit_many(attempts)
    begun = []
    for rare, attempt, admission in zip(rares, attempts, admissions, strict=True):
        row = rows[rare.transaction_id]
        fill(row, attempt, admission)
        if rare.fact.remote_start_id is not None:
            row.remote_start_id = rare.fact.remote_start_id
        if _has_token(rare.fact):
            rare.authorization = admission.authorization
        if admission.admitted:
            begun.append((rare, row, admission))
    _save_tokens([rows[rare.transaction_id] for rare in rares])
    for _, row, admission in begun:
        consume(row, admission)
    if begun:
        at = max(rare.fact.received_at for rare, _, _ in begun)
        supersede_older([row for _, row, _ in begun], at=at)
    announce_many(
        [
            (row, admission.handle is not None and rare.fact.event_type != "Started")
            for rare, row, admission in begun
        ]
    )
    reservations.use_many([(row, rare.fact.reservation_id) for rare, row, _ in begun])
    # The Ended may have come before the event that says whose charge it was.
    tell_ended([row for _, row, _ in begun if row.state == Transaction.State.ENDED])


def _attempt(fact: TransactionFact, row: Transaction, *, offline: bool) -> Attempt:
    return Attempt(
        charge_point_id=fact.charge_point_id,
        operator_id=fact.operator_id,
        connector_id=row.connector_id,
        key=token_key(fact.id_token) if _has_token(fact) else "",
        token_type=fact.id_token_type,
        started_at=fact.occurred_at,
        received_at=fact.received_at,
        offline=offline,
        remote_start_id=fact.remote_start_id,
    )


def _save_tokens(rows: Sequence[Transaction]) -> None:
    execute_columns(
        _FILL,
        [
            numbers([row.pk for row in rows]),
            texts([row.id_token for row in rows]),
            texts([row.id_token_type for row in rows]),
            texts([row.id_token_status for row in rows]),
            texts([row.started_by for row in rows]),
            texts([row.order_number for row in rows]),
            numbers([row.remote_start_id for row in rows]),
            numbers([row.energy_limit_wh for row in rows]),
            numbers([row.ends_by for row in rows]),
            numbers([row.announced_at for row in rows]),
        ],
    )


def _judge_others(rares: Sequence[Rare], rows: dict[int, Transaction]) -> None:
    """Tokens in charges that have one: who began may go on, others are judged."""
    policies = authorization.find_policies(
        {(token_key(rare.fact.id_token), rare.fact.operator_id) for rare in rares}
    )
    for rare in rares:
        row = rows[rare.transaction_id]
        rare.authorization = authorization.judge_stop(
            row, rare.fact.id_token, policies, at=rare.fact.received_at
        )


def _end(pairs: Sequence[tuple[Transaction, TransactionFact]]) -> None:
    ends: dict[int, End] = {}
    for row, fact in pairs:
        if fact.event_type != "Ended":
            continue
        reason = fact.stopped_reason or "Local"
        stop_wh = _stop_register(fact)
        if row.state != Transaction.State.ENDED and row.pk not in ends:
            row.stop_id_token = token_key(fact.id_token)
            ends[row.pk] = End(row, fact.occurred_at, fact.received_at, reason, stop_wh)
        elif row.estimated:
            corrections.end_anew(
                row,
                ended_at=fact.occurred_at,
                received_at=fact.received_at,
                reason=reason,
                stop_wh=stop_wh,
            )
    finish_many(list(ends.values()))


def _stop_register(fact: TransactionFact) -> Decimal | None:
    """The last register of an event; the station's own word for where it ended."""
    readings = [
        (sample.sampled_at, energy_wh)
        for sample in fact.samples
        if (energy_wh := plausible_wh(sample.energy_wh)) is not None
        and sample.context != CONTEXT_CLOCK
    ]
    return max(readings)[1] if readings else None
