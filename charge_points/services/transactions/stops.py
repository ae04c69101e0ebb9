"""StopTransaction (1.6): always answered, whatever it says."""

from decimal import Decimal
from typing import Final

from django.db import transaction

from charge_points.models import Transaction
from charge_points.services import authorization, corrections, quirks, security
from charge_points.services.facts import (
    Authorization,
    MeterBatch,
    QuirkRow,
    SecurityRow,
    StopAnswer,
    StopFact,
)
from charge_points.services.id_tokens import token_key
from charge_points.services.running import load, save
from charge_points.services.samples import insert_samples, plausible_wh
from charge_points.services.transactions.lifecycle import finish
from charge_points.services.transactions.starts import VERSION

STOP_WITHOUT_START: Final = "stop_without_start"
REPEATED_STOP_DIFFERS: Final = "repeated_stop_differs"
# What stations send that never got the answer to their start.
NO_ID: Final = frozenset({"-1", "0", ""})


@transaction.atomic
def stop(fact: StopFact) -> StopAnswer:
    """End a transaction.

    A repeated stop changes nothing, one after an estimated end corrects it. A stop of
    another station's transaction is refused and a security event. One without a known
    transaction is counted, with what it said. A station that never got the answer to
    its start (id -1 or 0) means its only charge with that token.
    """
    row = _find(fact)
    if row is None:
        return _unknown(fact)
    _store_samples(fact, row)
    row.refresh_from_db()
    answer = None
    if token_key(fact.id_token):
        answer = authorization.judge_stop(row, fact.id_token, at=fact.received_at)
    if row.state == Transaction.State.ENDED:
        _again(fact, row)
        return StopAnswer("repeated", answer, row.pk)
    row.stop_id_token = token_key(fact.id_token)
    finish(
        row,
        ended_at=fact.ended_at,
        received_at=fact.received_at,
        reason=fact.reason,
        stop_wh=plausible_wh(fact.meter_stop_wh),
    )
    return StopAnswer("ended", answer, row.pk)


def _find(fact: StopFact) -> Transaction | None:
    rows = Transaction.objects.select_for_update(no_key=True)
    if fact.ocpp_id not in NO_ID:
        return rows.filter(
            charge_point_id=fact.charge_point_id, ocpp_id=fact.ocpp_id
        ).first()
    running = list(
        rows.filter(
            charge_point_id=fact.charge_point_id,
            state="active",
            started_at__lte=fact.ended_at,
        ).order_by("pk")[:3]
    )
    key = token_key(fact.id_token)
    fitting = [row for row in running if not key or row.id_token == key]
    return fitting[0] if len(fitting) == 1 else None


def _unknown(fact: StopFact) -> StopAnswer:
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
    answer = None
    if token_key(fact.id_token):
        policy = authorization.find_policy(fact.id_token, fact.operator_id)
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


def _store_samples(fact: StopFact, row: Transaction) -> None:
    """Keep the stop's own meter values (transactionData) with the charge."""
    if not fact.samples:
        return
    item = MeterBatch(
        charge_point_id=fact.charge_point_id,
        operator_id=fact.operator_id,
        evse=row.evse_number,
        connector=row.connector_number,
        ocpp_transaction_id=row.ocpp_id,
        samples=fact.samples,
        received_at=fact.received_at,
    )
    insert_samples([(item, sample, row.pk) for sample in fact.samples])
    running = load({(row.charge_point_id, row.ocpp_id)})[
        row.charge_point_id, row.ocpp_id
    ]
    running.touch(fact.received_at)
    for sample in sorted(fact.samples, key=lambda sample: sample.sampled_at):
        running.take(sample)
    save([running])


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
