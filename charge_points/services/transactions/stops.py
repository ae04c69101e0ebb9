"""StopTransaction (1.6), set-wise: always answered, whatever it says."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from django.db import transaction

from charge_points.models import Transaction
from charge_points.services import authorization, corrections, quirks, security
from charge_points.services.authorization import Policy
from charge_points.services.facts import (
    Authorization,
    MeterBatch,
    QuirkRow,
    SecurityRow,
    StopAnswer,
    StopFact,
)
from charge_points.services.id_tokens import token_key
from charge_points.services.running import Running, running_of, save
from charge_points.services.samples import Stored, insert_samples, plausible_wh
from charge_points.services.transactions import early_stops
from charge_points.services.transactions.inserts import lock_by_name
from charge_points.services.transactions.lifecycle import End, finish_many
from charge_points.services.transactions.starts import VERSION

STOP_WITHOUT_START: Final = "stop_without_start"
REPEATED_STOP_DIFFERS: Final = "repeated_stop_differs"
# What stations send that never got the answer to their start.
NO_ID: Final = frozenset({"-1", "0", ""})

Policies = dict[tuple[str, int], Policy]


def stop(fact: StopFact) -> StopAnswer:
    """As ``stop_many`` for one."""
    return stop_many([fact])[0]


@transaction.atomic(savepoint=False)
def stop_many(facts: Sequence[StopFact]) -> list[StopAnswer]:
    """End transactions.

    A repeated stop changes nothing, one after an estimated end corrects it. A stop of
    another station's transaction is refused and a security event. One without a known
    transaction is counted, with what it said. A station that never got the answer to
    its start (id -1 or 0) means its only charge with that token.

    Returns:
        One answer per fact, in order.
    """
    names = [(f.charge_point_id, f.ocpp_id) for f in facts if f.ocpp_id not in NO_ID]
    by_name = lock_by_name(names)
    found = [
        by_name.get((fact.charge_point_id, fact.ocpp_id))
        if fact.ocpp_id not in NO_ID
        else _guess(fact)
        for fact in facts
    ]
    pairs = [(f, row) for f, row in zip(facts, found, strict=True) if row is not None]
    _store_samples(pairs)
    policies = _policies(facts)
    ending: dict[int, StopFact] = {}
    for fact, row in pairs:
        if row.state != Transaction.State.ENDED:
            ending.setdefault(row.pk, fact)
    _finish([(f, row) for f, row in pairs if ending.get(row.pk) is f])
    return [
        _unknown(fact, policies)
        if row is None
        else _answer(fact, row, policies, first=ending.get(row.pk) is fact)
        for fact, row in zip(facts, found, strict=True)
    ]


def _policies(facts: Sequence[StopFact]) -> Policies:
    wanted = {(token_key(f.id_token), f.operator_id) for f in facts if f.id_token}
    return authorization.find_policies(wanted)


def _guess(fact: StopFact) -> Transaction | None:
    """The only charge that a stop without an id can mean."""
    running = list(
        Transaction.objects.select_for_update(no_key=True)
        .filter(
            charge_point_id=fact.charge_point_id,
            state="active",
            started_at__lte=fact.ended_at,
        )
        .order_by("pk")[:3]
    )
    key = token_key(fact.id_token)
    fitting = [row for row in running if not key or row.id_token == key]
    return fitting[0] if len(fitting) == 1 else None


def _finish(pairs: Sequence[tuple[StopFact, Transaction]]) -> None:
    for fact, row in pairs:
        row.stop_id_token = token_key(fact.id_token)
    finish_many(
        [
            End(
                row=row,
                ended_at=fact.ended_at,
                received_at=fact.received_at,
                reason=fact.reason,
                stop_wh=plausible_wh(fact.meter_stop_wh),
            )
            for fact, row in pairs
        ]
    )


def _answer(
    fact: StopFact, row: Transaction, policies: Policies, *, first: bool
) -> StopAnswer:
    answer = None
    if token_key(fact.id_token):
        answer = authorization.judge_stop(
            row, fact.id_token, policies, at=fact.received_at
        )
    if first:
        return StopAnswer("ended", answer, row.pk)
    _again(fact, row)
    return StopAnswer("repeated", answer, row.pk)


def _unknown(fact: StopFact, policies: Policies) -> StopAnswer:
    foreign = Transaction.objects.filter(
        ocpp_version=VERSION, ocpp_id=fact.ocpp_id
    ).exclude(charge_point_id=fact.charge_point_id)
    if fact.ocpp_id not in NO_ID and foreign.exists():
        security.record(
            SecurityRow(
                charge_point_id=fact.charge_point_id,
                operator_id=fact.operator_id,
                kind=security.FOREIGN_TRANSACTION,
                occurred_at=fact.ended_at,
                received_at=fact.received_at,
                detail="A stop for a transaction of another charge point: refused.",
            )
        )
        return StopAnswer("foreign", Authorization("Invalid"))
    _count(fact, STOP_WITHOUT_START)
    if fact.ocpp_id in NO_ID:
        early_stops.keep(fact)
    policy = policies.get((token_key(fact.id_token), fact.operator_id))
    answer = None
    if policy is not None:
        answer = authorization.judge(policy, fact.received_at)
    return StopAnswer("unknown", answer)


def _count(fact: StopFact, quirk: str) -> None:
    quirks.count(
        QuirkRow(
            charge_point_id=fact.charge_point_id,
            operator_id=fact.operator_id,
            version=VERSION,
            quirk=quirk,
            at=fact.received_at,
            example=(
                f"transactionId {fact.ocpp_id}, meterStop {fact.meter_stop_wh}, "
                f"timestamp {fact.ended_at.isoformat()}, reason {fact.reason}"
            ),
        )
    )


def _store_samples(pairs: Sequence[tuple[StopFact, Transaction]]) -> None:
    """Keep the stops' own meter values (transactionData) with their charges."""
    stored: list[Stored] = []
    moved: dict[int, Running] = {}
    for fact, row in pairs:
        if not fact.samples:
            continue
        item = MeterBatch(
            charge_point_id=fact.charge_point_id,
            operator_id=fact.operator_id,
            evse=row.evse_number,
            connector=row.connector_number,
            ocpp_transaction_id=row.ocpp_id,
            samples=fact.samples,
            received_at=fact.received_at,
        )
        stored += [(item, sample, row.pk) for sample in fact.samples]
        running = moved.get(row.pk) or running_of(row)
        moved[row.pk] = running
        running.touch(fact.received_at)
        for sample in sorted(fact.samples, key=lambda sample: sample.sampled_at):
            running.take(sample)
    insert_samples(stored)
    save([moved[key] for key in sorted(moved)])
    for _, row in pairs:
        if row.pk in moved:
            moved[row.pk].write_to(row)


def _again(fact: StopFact, row: Transaction) -> None:
    """A stop of an ended charge: the first one stands, an estimate does not."""
    if not row.estimated:
        same = row.ended_at == max(fact.ended_at, row.started_at)
        if not same or not _same_register(row.meter_stop_wh, fact.meter_stop_wh):
            _count(fact, REPEATED_STOP_DIFFERS)
        return
    row.stop_id_token = token_key(fact.id_token)
    corrections.end_anew(
        row,
        ended_at=fact.ended_at,
        received_at=fact.received_at,
        reason=fact.reason,
        stop_wh=plausible_wh(fact.meter_stop_wh),
    )


def _same_register(kept: Decimal | None, told: Decimal | None) -> bool:
    return told is None or kept is None or abs(kept - told) < 1
