"""What stations promised to do when nobody charges any more.

ChangeAvailability (1.6 5.2, 2.0.1 G03, G04) and Reset (2.0.1 B12) may be answered
"Scheduled". The promise is kept until the station shows that it took effect: by the
states of its connectors, or by booting.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from charge_points.models import ChargePoint, Connector, DeferredChange, Transaction

SCHEDULED: Final = "Scheduled"
ACCEPTED: Final = "Accepted"
INOPERATIVE: Final = DeferredChange.Kind.INOPERATIVE
OPERATIVE: Final = DeferredChange.Kind.OPERATIVE
RESET: Final = DeferredChange.Kind.RESET
_AVAILABILITY: Final = (INOPERATIVE, OPERATIVE)
UNAVAILABLE: Final = "unavailable"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a station was asked; EVSE 0 is all of it, connector 0 all of the EVSE."""

    charge_point_id: int
    operator_id: int
    kind: str
    evse: int = 0
    connector: int = 0


@transaction.atomic
def record_answer(asked: Asked, *, status: str, at: datetime) -> None:
    """Take note of the answer to a ChangeAvailability or Reset.

    "Scheduled" is a promise; it takes the place of an older one about the same place.
    "Accepted" took effect at once, and ends what was put off. Others change nothing.

    Args:
        asked: what and where.
        status: the station's word.
        at: when it answered.
    """
    if status not in {SCHEDULED, ACCEPTED}:
        return
    kinds = _AVAILABILITY if asked.kind in _AVAILABILITY else (RESET,)
    older = DeferredChange.objects.filter(
        charge_point_id=asked.charge_point_id, kind__in=kinds, ended_at__isnull=True
    )
    if asked.evse:
        older = older.filter(evse_number=asked.evse)
    if asked.connector:
        older = older.filter(connector_number=asked.connector)
    older.update(ended_at=at, end=DeferredChange.End.REPLACED)
    if status == SCHEDULED:
        DeferredChange.objects.create(
            operator_id=asked.operator_id,
            charge_point_id=asked.charge_point_id,
            evse_number=asked.evse,
            connector_number=asked.connector,
            kind=asked.kind,
            promised_at=at,
        )


def note_boots(booted: Mapping[int, datetime]) -> None:
    """Stations that booted have reset, whatever else they tell."""
    rows = DeferredChange.objects.filter(
        charge_point_id__in=booted, kind=RESET, ended_at__isnull=True
    )
    _end([(row, booted[row.charge_point_id]) for row in rows])


def note_states(charge_point_ids: Collection[int], *, at: datetime) -> None:
    """The connectors of these stations told new states: what took effect with that?

    One statement where nothing was put off.
    """
    waiting = list(
        DeferredChange.objects.filter(
            charge_point_id__in=charge_point_ids, ended_at__isnull=True
        ).order_by("pk")
    )
    if not waiting:
        return
    ids = {row.charge_point_id for row in waiting}
    connectors: dict[int, list[Connector]] = {}
    for one in Connector.objects.filter(charge_point_id__in=ids):
        connectors.setdefault(one.charge_point_id, []).append(one)
    stations: dict[int, str] = dict(
        ChargePoint.objects.filter(pk__in=ids).values_list("pk", "status")
    )
    busy = set(
        Transaction.objects.filter(
            charge_point_id__in=ids, state=Transaction.State.ACTIVE
        ).values_list("charge_point_id", "evse_number")
    )
    _end(
        [
            (row, at)
            for row in waiting
            if _took_effect(
                row,
                connectors.get(row.charge_point_id, ()),
                stations[row.charge_point_id],
                busy,
            )
        ]
    )


def _took_effect(
    row: DeferredChange,
    connectors: Iterable[Connector],
    station: str,
    busy: Collection[tuple[int, int]],
) -> bool:
    meant = [
        one
        for one in connectors
        if row.evse_number in {0, one.evse_number}
        and row.connector_number in {0, one.number}
    ]
    out = [one.status == UNAVAILABLE for one in meant]
    is_station = row.evse_number == 0
    if row.kind == INOPERATIVE:
        return (bool(out) and all(out)) or (is_station and station == UNAVAILABLE)
    if row.kind == OPERATIVE:
        return not any(out) and not (is_station and station == UNAVAILABLE)
    # A reset of one EVSE boots nothing: it tells anew once its charge is over.
    return not is_station and (
        (row.charge_point_id, row.evse_number) not in busy
        and any(one.status_at and one.status_at > row.promised_at for one in meant)
    )


def _end(ended: Sequence[tuple[DeferredChange, datetime]]) -> None:
    for row, at in ended:
        row.ended_at = at
        row.end = DeferredChange.End.DONE
    DeferredChange.objects.bulk_update([row for row, _ in ended], ["ended_at", "end"])


def charges_in_the_way(
    *, charge_point_id: int, version: str, action: str, payload: Mapping[str, object]
) -> list[str]:
    """What a command means for the charges that run; for whoever is about to send it.

    Args:
        charge_point_id: who would be asked.
        version: its OCPP version.
        action: "UnlockConnector", "Reset" or "ChangeAvailability"; others harm nobody.
        payload: as the specification of the version writes it.
    """
    text = _WARNINGS.get((version, action)) or _WARNINGS.get(("", action))
    if text is None or payload.get("type") in {"OnIdle", "Operative"}:
        return []
    if payload.get("operationalStatus") == "Operative":
        return []
    evse = _evse(payload)
    rows = Transaction.objects.filter(
        charge_point_id=charge_point_id, state=Transaction.State.ACTIVE
    )
    if evse:
        rows = rows.filter(evse_number=evse)
    found = rows.order_by("evse_number").values_list("evse_number", "ocpp_id")
    return [f"Transaction {name} runs on EVSE {evse}: {text}" for evse, name in found]


def _evse(payload: Mapping[str, object]) -> int:
    inner = payload.get("evse")
    told = inner.get("id") if isinstance(inner, Mapping) else None
    told = told or payload.get("evseId") or payload.get("connectorId") or 0
    return told if isinstance(told, int) else 0


# 1.6 5.18: the transaction ends first; 2.0.1 F05: it is not unlocked.
_WARNINGS: Final = {
    ("1.6", "UnlockConnector"): "unlocking ends it first.",
    ("2.0.1", "UnlockConnector"): "the station will refuse to unlock; stop it first.",
    ("", "Reset"): "the reset ends it.",
    ("", "ChangeAvailability"): "the change waits until it has ended.",
}
