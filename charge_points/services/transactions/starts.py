"""StartTransaction (1.6), set-wise."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Final

from django.db import transaction

from charge_points.models import Transaction
from charge_points.services import reservations
from charge_points.services.facts import Authorization, StartAnswer, StartFact
from charge_points.services.id_tokens import token_key
from charge_points.services.rows import fetch_columns, numbers, texts
from charge_points.services.samples import plausible_wh
from charge_points.services.transactions import early_stops
from charge_points.services.transactions.admission import (
    Admission,
    Attempt,
    admit_many,
    began_offline,
    consume,
    fill,
)
from charge_points.services.transactions.inserts import insert_transactions
from charge_points.services.transactions.lifecycle import (
    announce_many,
    supersede_older,
)
from charge_points.services.transactions.places import Place, find_places
from cpms.kernel.errors import DomainError

OCPP_ID_MAX: Final = 2**31 - 1
ID_ATTEMPTS_MAX: Final = 8
VERSION: Final = "1.6"

Key = tuple[int, str]
"""(charge point id, natural key)"""


class UnableToStartTransaction(DomainError):
    """No transaction id was free; the charger sends again."""


def new_ocpp_id() -> str:
    """A number that no other station can guess: 1 to 2^31 - 1."""
    return str(secrets.randbelow(OCPP_ID_MAX) + 1)


def natural_key(fact: StartFact) -> str:
    """What makes a start the same start: connector, time, register and token.

    The station's own words for the time, where it has none: a repeat has the same.
    """
    time = fact.told_at or f"{fact.started_at.timestamp():.6f}"
    text = (
        f"{fact.evse}|{fact.connector}|{time}|"
        f"{fact.meter_start_wh:f}|{token_key(fact.id_token)}"
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _keys(facts: Sequence[StartFact]) -> list[Key]:
    """The natural keys; without a clock only a charge that runs can be repeated.

    A station that counts from 1970 after each reboot, with a register that counts from
    0, tells two charges in the same words.
    """
    return [
        (
            fact.charge_point_id,
            natural_key(fact) if not fact.told_at else _open_key(fact),
        )
        for fact in facts
    ]


def _open_key(fact: StartFact) -> str:
    key = natural_key(fact)
    while True:
        ended = Transaction.objects.filter(
            charge_point_id=fact.charge_point_id, natural_key=key, state="ended"
        )
        pk = ended.values_list("pk", flat=True).first()
        if pk is None:
            return key
        key = hashlib.sha256(f"{key}|after {pk}".encode()).hexdigest()


def start(fact: StartFact) -> StartAnswer:
    """As ``start_many`` for one."""
    return start_many([fact])[0]


@transaction.atomic(savepoint=False)
def start_many(facts: Sequence[StartFact]) -> list[StartAnswer]:
    """Open transactions; each gets an id, also when it is refused.

    A repeated start gets the same id. A refused one closes no other transaction and
    uses nothing up. One that began offline is accepted as it comes, whatever its token
    is; the answer tells the station what the token is worth.

    Returns:
        One answer per fact, in order.

    Raises:
        UnableToFindConnector: a connector that no station can have.
        UnableToStartTransaction: no free id was found.
    """
    keys = _keys(facts)
    known = _known(keys)
    fresh: dict[Key, StartFact] = {}
    for key, fact in zip(keys, facts, strict=True):
        if key not in known:
            fresh.setdefault(key, fact)
    opened = _open(fresh)
    return [_answer(key, known, opened) for key in keys]


def _answer(
    key: Key, known: dict[Key, StartAnswer], opened: dict[Key, StartAnswer]
) -> StartAnswer:
    first = opened.get(key)
    if first is None:
        return known[key]
    known[key] = StartAnswer(
        first.ocpp_id, first.transaction_id, first.authorization, repeated=True
    )
    return opened.pop(key)


def _known(keys: Sequence[Key]) -> dict[Key, StartAnswer]:
    """Answers to starts that were told before; a used order number stays good."""
    found = fetch_columns(
        "SELECT charge.charge_point_id, charge.natural_key, charge.ocpp_id, charge.id, "
        "charge.id_token_status, charge.order_number "
        "FROM unnest(%s::bigint[], %s::text[]) AS wanted (station_id, key) "
        "JOIN charge_points_transaction AS charge "
        "ON charge.charge_point_id = wanted.station_id "
        "AND charge.natural_key = wanted.key AND charge.natural_key <> ''",
        [numbers([key for key, _ in keys]), texts([name for _, name in keys])],
    )
    return {
        (row[0], row[1]): StartAnswer(
            row[2], row[3], Authorization(row[4], order_number=row[5]), repeated=True
        )
        for row in found
    }


def _open(fresh: dict[Key, StartFact]) -> dict[Key, StartAnswer]:
    if not fresh:
        return {}
    places = find_places(
        {
            (fact.charge_point_id, fact.evse, fact.connector): fact.operator_id
            for fact in fresh.values()
        }
    )
    spots = {
        key: places[fact.charge_point_id, fact.evse, fact.connector]
        for key, fact in fresh.items()
    }
    offline = began_offline(list(fresh.values()))
    attempts = {
        key: _attempt(fact, spots[key], offline=id(fact) in offline)
        for key, fact in fresh.items()
    }
    admissions = dict(zip(fresh, admit_many(list(attempts.values())), strict=True))
    rows = {}
    for key, fact in fresh.items():
        row = rows[key] = _row(fact, spots[key], key[1], offline=attempts[key].offline)
        fill(row, attempts[key], admissions[key])
        if not admissions[key].admitted:
            row.state = Transaction.State.REFUSED
    answers = _insert(rows, admissions)
    begun = [
        key
        for key, answer in answers.items()
        if not answer.repeated and admissions[key].admitted
    ]
    for key in begun:
        consume(rows[key], admissions[key])
    if begun:
        at = max(fresh[key].received_at for key in begun)
        supersede_older([rows[key] for key in begun], at=at)
        announce_many([(rows[key], False) for key in begun])
        reservations.use_many([(rows[key], fresh[key].reservation_id) for key in begun])
        early_stops.end([rows[key] for key in begun], at=at)
    return answers


def _attempt(fact: StartFact, place: Place, *, offline: bool) -> Attempt:
    return Attempt(
        charge_point_id=fact.charge_point_id,
        operator_id=fact.operator_id,
        connector_id=place.connector_id,
        key=token_key(fact.id_token),
        token_type="",
        started_at=fact.started_at,
        received_at=fact.received_at,
        offline=offline,
    )


def _insert(
    rows: dict[Key, Transaction], admissions: dict[Key, Admission]
) -> dict[Key, StartAnswer]:
    """Insert all; a row that is there already was told by another connection."""
    waiting = dict(rows)
    answers: dict[Key, StartAnswer] = {}
    for _ in range(ID_ATTEMPTS_MAX):
        inserted = set(map(id, insert_transactions(list(waiting.values()))))
        for key in [key for key, row in waiting.items() if id(row) in inserted]:
            row = waiting.pop(key)
            answers[key] = StartAnswer(
                row.ocpp_id, row.pk, admissions[key].authorization
            )
        if not waiting:
            return answers
        told = _known(list(waiting))
        for key in [key for key in waiting if key in told]:
            answers[key] = told[key]
            del waiting[key]
        for row in waiting.values():
            row.ocpp_id = new_ocpp_id()
    raise UnableToStartTransaction(
        "no_transaction_id", "No transaction id was free; send again."
    )


def _row(fact: StartFact, place: Place, key: str, *, offline: bool) -> Transaction:
    return Transaction(
        operator_id=fact.operator_id,
        charge_point_id=fact.charge_point_id,
        connector_id=place.connector_id,
        episode_id=None if offline else place.episode_id,
        evse_number=place.evse,
        connector_number=place.number,
        ocpp_version=VERSION,
        ocpp_id=new_ocpp_id(),
        natural_key=key,
        offline=offline,
        started_at=fact.started_at,
        received_at=fact.received_at,
        meter_start_wh=plausible_wh(fact.meter_start_wh),
        last_seen_at=fact.received_at,
    )
