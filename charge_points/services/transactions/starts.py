"""StartTransaction (1.6)."""

import hashlib
import secrets
from typing import Final

from django.db import transaction

from charge_points.models import Connector, PlugInEpisode, Transaction
from charge_points.services.connectors import find_or_add
from charge_points.services.facts import Authorization, StartAnswer, StartFact
from charge_points.services.id_tokens import token_key
from charge_points.services.rows import insert_unless_exists
from charge_points.services.samples import plausible_wh
from charge_points.services.transactions.admission import (
    OFFLINE_AFTER,
    Attempt,
    admit,
    consume,
    fill,
)
from charge_points.services.transactions.lifecycle import announce, supersede_older
from cpms.kernel.errors import DomainError

OCPP_ID_MAX: Final = 2**31 - 1
ID_ATTEMPTS_MAX: Final = 8
VERSION: Final = "1.6"


class UnableToStartTransaction(DomainError):
    """No transaction id was free; the charger sends again."""


def new_ocpp_id() -> str:
    """A number that no other station can guess: 1 to 2^31 - 1."""
    return str(secrets.randbelow(OCPP_ID_MAX) + 1)


def natural_key(fact: StartFact) -> str:
    """What makes a start the same start: connector, time, register and token."""
    text = (
        f"{fact.evse}|{fact.connector}|{fact.started_at.timestamp():.6f}|"
        f"{fact.meter_start_wh:f}|{token_key(fact.id_token)}"
    )
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic
def start(fact: StartFact) -> StartAnswer:
    """Open a transaction; it always gets an id, also when it is refused.

    A repeated start gets the same id. A refused one closes no other transaction and
    uses nothing up. One that began offline is accepted as it comes, whatever its token
    is; the answer tells the station what the token is worth.

    Raises:
        UnableToFindConnector: a connector that no station can have.
        UnableToStartTransaction: no free id was found.
    """
    key = natural_key(fact)
    known = _known(fact, key)
    if known is not None:
        return known
    place = find_or_add(
        operator_id=fact.operator_id,
        charge_point_id=fact.charge_point_id,
        evse=fact.evse,
        connector=fact.connector,
    )
    offline = fact.received_at - fact.started_at > OFFLINE_AFTER
    attempt = Attempt(
        charge_point_id=fact.charge_point_id,
        operator_id=fact.operator_id,
        connector=place,
        token=fact.id_token,
        token_type="",
        started_at=fact.started_at,
        received_at=fact.received_at,
        offline=offline,
    )
    admission = admit(attempt)
    row = _row(fact, place, key, offline=offline)
    fill(row, attempt, admission)
    if not admission.admitted:
        row.state = Transaction.State.REFUSED
    for _ in range(ID_ATTEMPTS_MAX):
        if insert_unless_exists(row):
            break
        known = _known(fact, key)
        if known is not None:
            return known
        row.ocpp_id = new_ocpp_id()
    else:
        raise UnableToStartTransaction(
            "no_transaction_id", "No transaction id was free; send again."
        )
    if admission.admitted:
        consume(row, admission)
        supersede_older(row, at=fact.received_at)
        announce(row, at=fact.received_at)
    return StartAnswer(row.ocpp_id, row.pk, admission.authorization)


def _known(fact: StartFact, key: str) -> StartAnswer | None:
    """The answer to a start that was told before; a used order number stays good."""
    row = Transaction.objects.filter(
        charge_point_id=fact.charge_point_id, natural_key=key
    ).first()
    if row is None:
        return None
    answer = Authorization(
        row.id_token_status,  # type: ignore[arg-type]  # was written from one
        order_number=row.order_number,
    )
    return StartAnswer(row.ocpp_id, row.pk, answer, repeated=True)


def _row(fact: StartFact, place: Connector, key: str, *, offline: bool) -> Transaction:
    episode = PlugInEpisode.objects.filter(
        connector_id=place.pk, ended_at__isnull=True, started_at__lte=fact.received_at
    ).first()
    return Transaction(
        operator_id=fact.operator_id,
        charge_point_id=fact.charge_point_id,
        connector_id=place.pk,
        episode_id=None if episode is None or offline else episode.pk,
        evse_number=place.evse_number,
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
