"""What seldom happens in a 2.0.1 transaction: it opens, gets a token, ends."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from charge_points.models import (
    ChargePoint,
    Connector,
    PlugInEpisode,
    StartHandle,
    Transaction,
)
from charge_points.services import authorization, corrections, episodes
from charge_points.services.connectors import find_or_add
from charge_points.services.facts import (
    CONTEXT_CLOCK,
    Authorization,
    TransactionFact,
)
from charge_points.services.id_tokens import token_key
from charge_points.services.rows import insert_unless_exists
from charge_points.services.samples import plausible_wh
from charge_points.services.transactions.admission import (
    NO_TOKEN_TYPES,
    OFFLINE_AFTER,
    Attempt,
    admit,
    consume,
    fill,
)
from charge_points.services.transactions.lifecycle import (
    announce,
    finish,
    supersede_older,
    tell_ended,
)

VERSION: Final = "2.0.1"
PLUGGED_IN: Final = "CablePluggedIn"
DEPARTED: Final = frozenset({"EVDeparted", "EVCommunicationLost"})
UNPLUGGED_STATE: Final = "Idle"


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
    """Make the rows of transactions that are heard of for the first time."""
    for fact in facts:
        place = _place(fact)
        row = Transaction(
            operator_id=fact.operator_id,
            charge_point_id=fact.charge_point_id,
            connector_id=None if place is None else place.pk,
            evse_number=fact.evse if place is None else place.evse_number,
            connector_number=fact.connector if place is None else place.number,
            ocpp_version=VERSION,
            ocpp_id=fact.ocpp_id,
            offline=_is_offline(fact),
            started_at=fact.occurred_at,
            received_at=fact.received_at,
            last_seen_at=fact.received_at,
        )
        insert_unless_exists(row)


def _place(fact: TransactionFact) -> Connector | None:
    if not fact.evse:
        return None
    return find_or_add(
        operator_id=fact.operator_id,
        charge_point_id=fact.charge_point_id,
        evse=fact.evse,
        connector=fact.connector,
    )


def _is_offline(fact: TransactionFact) -> bool:
    return fact.offline or fact.received_at - fact.occurred_at > OFFLINE_AFTER


def apply(fact: TransactionFact, transaction_id: int) -> Authorization | None:
    """Apply one event to its transaction, whose values were moved already.

    Returns:
        The answer to its token; None when it has none.
    """
    row = Transaction.objects.select_for_update(no_key=True).get(pk=transaction_id)
    _complete_place(row, fact)
    _plug(row, fact)
    answer = _authorize(row, fact)
    if fact.event_type == "Ended" and row.state != Transaction.State.ENDED:
        row.stop_id_token = token_key(fact.id_token)
        finish(
            row,
            ended_at=fact.occurred_at,
            received_at=fact.received_at,
            reason=fact.stopped_reason or "Local",
            stop_wh=_stop_register(fact),
        )
    elif fact.event_type == "Ended" and row.estimated:
        corrections.end_anew(
            row,
            ended_at=fact.occurred_at,
            received_at=fact.received_at,
            reason=fact.stopped_reason or "Local",
            stop_wh=_stop_register(fact),
        )
    return answer


def _complete_place(row: Transaction, fact: TransactionFact) -> None:
    """Later events may name the EVSE, and earlier ones move the start back."""
    changed = []
    if row.connector_id is None and fact.evse:
        place = _place(fact)
        if place is not None:
            row.connector_id = place.pk
            row.evse_number, row.connector_number = place.evse_number, place.number
            changed += ["connector", "evse_number", "connector_number"]
    moved = fact.event_type == "Started" and fact.occurred_at < row.started_at
    if moved:
        row.started_at = fact.occurred_at
        changed.append("started_at")
    if changed:
        row.save(update_fields=changed)
    if moved and row.state == Transaction.State.ENDED:
        corrections.tell(row)


def _plug(row: Transaction, fact: TransactionFact) -> None:
    """Cable in: an episode begins. Cable out: it ends, and the idle phase with it."""
    if row.connector_id is None:
        return
    if fact.trigger_reason == PLUGGED_IN and not _is_offline(fact):
        episodes.begin_many(
            [
                (
                    row.operator_id,
                    row.charge_point_id,
                    row.connector_id,
                    fact.occurred_at,
                    "transaction",
                )
            ]
        )
    if row.episode_id is None and not row.offline:
        live = PlugInEpisode.objects.filter(
            connector_id=row.connector_id, ended_at__isnull=True
        ).first()
        if live is not None:
            row.episode_id = live.pk
            row.save(update_fields=["episode"])
    if fact.charging_state == UNPLUGGED_STATE and fact.event_type != "Started":
        _unplug(row, fact)


def _unplug(row: Transaction, fact: TransactionFact) -> None:
    if row.connector_id is None or row.unplugged_at is not None:
        return
    identity = ChargePoint.objects.values_list("identity", flat=True).get(
        pk=row.charge_point_id
    )
    episodes.unplug_many(
        {
            row.connector_id: (
                fact.occurred_at,
                row.operator_id,
                identity,
                row.evse_number,
                row.connector_number,
            )
        }
    )
    row.refresh_from_db(fields=["unplugged_at"])


def _authorize(row: Transaction, fact: TransactionFact) -> Authorization | None:
    """Answer the token of an event; the first good one makes the charge an order's.

    A station that was told to start remotely may leave the token out of Started and
    name the remote start instead (design page 1.3).
    """
    no_token = not fact.id_token or fact.id_token_type in NO_TOKEN_TYPES
    if no_token and fact.remote_start_id is None:
        return None
    key = token_key(fact.id_token)
    if row.started_by:
        return _token_of_running(row, fact, key)
    connector = None
    if row.connector_id is not None:
        connector = Connector.objects.get(pk=row.connector_id)
    attempt = Attempt(
        charge_point_id=fact.charge_point_id,
        operator_id=fact.operator_id,
        connector=connector,
        token="" if no_token else fact.id_token,
        token_type=fact.id_token_type,
        started_at=fact.occurred_at,
        received_at=fact.received_at,
        offline=_is_offline(fact),
        remote_start_id=fact.remote_start_id,
    )
    if no_token and not _names_our_start(fact):
        return None
    admission = admit(attempt)
    fill(row, attempt, admission)
    if fact.remote_start_id is not None:
        row.remote_start_id = fact.remote_start_id
    row.save(
        update_fields=[
            "id_token",
            "id_token_type",
            "id_token_status",
            "started_by",
            "order_number",
            "energy_limit_wh",
            "ends_by",
            "remote_start_id",
        ]
    )
    if admission.admitted:
        consume(row, admission)
        supersede_older(row, at=fact.received_at)
        attached = admission.handle is not None and fact.event_type != "Started"
        announce(row, at=fact.received_at, attached=attached)
        if row.state == Transaction.State.ENDED:
            tell_ended(row)  # the Ended came before the event that says whose it is
    return admission.authorization if not no_token else None


def _token_of_running(
    row: Transaction, fact: TransactionFact, key: str
) -> Authorization | None:
    """A token in a charge that has one: who began may go on, others are judged."""
    if not key:
        return None
    return authorization.judge_stop(row, key, at=fact.received_at)


def _names_our_start(fact: TransactionFact) -> bool:
    return StartHandle.objects.filter(
        pk=fact.remote_start_id or 0, charge_point_id=fact.charge_point_id
    ).exists()


def _stop_register(fact: TransactionFact) -> Decimal | None:
    """The last register of an event; the station's own word for where it ended."""
    readings = [
        (sample.sampled_at, energy_wh)
        for sample in fact.samples
        if (energy_wh := plausible_wh(sample.energy_wh)) is not None
        and sample.context != CONTEXT_CLOCK
    ]
    return max(readings)[1] if readings else None
