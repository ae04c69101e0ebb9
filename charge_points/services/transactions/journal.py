"""TransactionEvent (2.0.1), set-wise, by sequence number.

The common event (Updated, with meter values) costs a share of four statements for the
whole set. Whatever is rare (Started, Ended, a token) is handled one by one after that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection, transaction

from charge_points.models import Transaction
from charge_points.services import corrections, metering, phases
from charge_points.services.facts import (
    Authorization,
    MeterBatch,
    TransactionAnswer,
    TransactionFact,
)
from charge_points.services.rows import fetch_columns, numbers, texts
from charge_points.services.running import Running, load
from charge_points.services.samples import Stored, insert_samples
from charge_points.services.transactions import events_rare

Key = tuple[int, str]

REPEATED_EVENT_DIFFERS: Final = "repeated_event_differs"
EVENT_AFTER_END: Final = "event_after_end"
SEQ_NO_GAP: Final = "seq_no_gap"

_JOURNAL: Final = """
INSERT INTO charge_points_transactionevent
    (operator_id, transaction_id, seq_no, event_type, trigger_reason, charging_state,
     offline, occurred_at, received_at, payload_hash)
SELECT * FROM unnest(
    %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[],
    %s::boolean[], %s::timestamptz[], %s::timestamptz[], %s::text[])
ON CONFLICT DO NOTHING RETURNING transaction_id, seq_no
"""


@dataclass(slots=True)
class _Entry:
    """An event and what is found out about it."""

    fact: TransactionFact
    running: Running
    fresh: bool = False
    authorization: Authorization | None = None
    quirks: list[str] = field(default_factory=list)


@transaction.atomic(savepoint=False)
def apply_events(batch: Sequence[TransactionFact]) -> list[TransactionAnswer]:
    """Take transaction events of many stations.

    Repeats (same sequence number) are answered as before and change nothing; events of
    one set are applied in the order of their sequence numbers. A transaction whose
    Started is missing is opened by whatever comes first.

    Returns:
        One answer per event, in order.

    Raises:
        UnableToFindConnector: a connector that no station can have.
    """
    rows = load({_key(fact) for fact in batch})
    missing = [fact for fact in batch if _key(fact) not in rows]
    if missing:
        events_rare.open_missing(_first_of_each(missing))
        rows = load({_key(fact) for fact in batch})
    entries = [_Entry(fact, rows[_key(fact)]) for fact in batch]
    _write_journal(entries)
    fresh = sorted(
        (entry for entry in entries if entry.fresh),
        key=lambda entry: (entry.running.id, entry.fact.seq_no),
    )
    _move(fresh)
    rare = [entry for entry in fresh if events_rare.is_rare(entry.fact)]
    asked = [events_rare.Rare(entry.fact, entry.running.id) for entry in rare]
    events_rare.apply_many(asked)
    for entry, answered in zip(rare, asked, strict=True):
        entry.authorization = answered.authorization
    _answer_repeats([entry for entry in entries if not entry.fresh])
    return [
        TransactionAnswer(
            transaction_id=entry.running.id,
            authorization=entry.authorization,
            repeated=not entry.fresh,
            quirks=tuple(entry.quirks),
        )
        for entry in entries
    ]


def _key(fact: TransactionFact) -> Key:
    return fact.charge_point_id, fact.ocpp_id


def _first_of_each(facts: Iterable[TransactionFact]) -> list[TransactionFact]:
    first: dict[Key, TransactionFact] = {}
    for fact in facts:
        known = first.get(_key(fact))
        if known is None or fact.seq_no < known.seq_no:
            first[_key(fact)] = fact
    return [first[key] for key in sorted(first)]


def _write_journal(entries: Sequence[_Entry]) -> None:
    if not entries:
        return
    facts = [entry.fact for entry in entries]
    found = fetch_columns(
        _JOURNAL,
        [
            numbers([fact.operator_id for fact in facts]),
            numbers([entry.running.id for entry in entries]),
            numbers([fact.seq_no for fact in facts]),
            texts([fact.event_type for fact in facts]),
            texts([fact.trigger_reason[:24] for fact in facts]),
            texts([fact.charging_state[:16] for fact in facts]),
            numbers([fact.offline for fact in facts]),
            numbers([fact.occurred_at for fact in facts]),
            numbers([fact.received_at for fact in facts]),
            texts([fact.payload_hash for fact in facts]),
        ],
    )
    written = set(found)
    for entry in entries:
        key = (entry.running.id, entry.fact.seq_no)
        if key in written:
            written.discard(key)  # a repeat within the set is one, too
            entry.fresh = True


def _move(entries: Sequence[_Entry]) -> None:
    """Meter values, charging state and sequence numbers of all fresh events."""
    stored: list[Stored] = []
    changes: list[tuple[int, int, Any, str]] = []
    late: set[int] = set()
    for entry in entries:
        fact, running = entry.fact, entry.running
        running.touch(fact.received_at)
        _note_seq_no(entry)
        item = _as_meter_batch(fact, running)
        for sample in fact.samples:
            stored.append((item, sample, running.id))
            running.take(sample)
        state = phases.PHASE_BY_CHARGING_STATE.get(fact.charging_state)
        if state is not None and fact.charging_state[:16] != running.charging_state:
            changes.append((running.operator_id, running.id, fact.occurred_at, state))
        if fact.charging_state:
            running.charging_state = fact.charging_state[:16]
        if running.state == "ended":
            entry.quirks.append(EVENT_AFTER_END)
            if any(sample.energy_wh is not None for sample in fact.samples):
                late.add(running.id)
    insert_samples(stored)
    metering.finish(
        {entry.running.id: entry.running for entry in entries}.values(),
        ending={e.running.id for e in entries if e.fact.event_type == "Ended"},
    )
    phases.record_phases(changes)
    corrections.recompute(late)


def _note_seq_no(entry: _Entry) -> None:
    fact, running = entry.fact, entry.running
    last = running.seq_no
    if last is not None and fact.seq_no > last + 1:
        entry.quirks.append(SEQ_NO_GAP)
    running.seq_no = fact.seq_no if last is None else max(last, fact.seq_no)


def _as_meter_batch(fact: TransactionFact, running: Running) -> MeterBatch:
    return MeterBatch(
        charge_point_id=fact.charge_point_id,
        operator_id=fact.operator_id,
        evse=fact.evse or running.evse,
        connector=fact.connector or running.connector,
        ocpp_transaction_id=fact.ocpp_id,
        samples=fact.samples,
        received_at=fact.received_at,
    )


def _answer_repeats(entries: Sequence[_Entry]) -> None:
    """Answer repeats as before; another payload under the same number is a quirk."""
    if not entries:
        return
    keys = {(entry.running.id, entry.fact.seq_no) for entry in entries}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT transaction_id, seq_no, payload_hash "
            "FROM charge_points_transactionevent "
            "WHERE (transaction_id, seq_no) IN %s",
            [tuple(keys)],
        )
        hashes = {(row[0], row[1]): row[2] for row in cursor.fetchall()}
    with_token = {entry.running.id for entry in entries if entry.fact.id_token}
    statuses = dict(
        Transaction.objects.filter(pk__in=with_token).values_list(
            "pk", "id_token_status"
        )
    )
    for entry in entries:
        known = hashes.get((entry.running.id, entry.fact.seq_no))
        if known != entry.fact.payload_hash:
            entry.quirks.append(REPEATED_EVENT_DIFFERS)
        if entry.fact.id_token:
            status = statuses.get(entry.running.id) or "Invalid"
            entry.authorization = Authorization(status)  # type: ignore[arg-type]  # was written from one
