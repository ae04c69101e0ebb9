"""Public keys of meters: registered by people, or told by the station's configuration.

A key that a station sends beside a value proves little by itself: whoever forges the
value sends its own key. So registered keys count before it (``checking``).
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.db import transaction

from charge_points.models import ChargePoint, MeterKey
from charge_points.services.facts import VariableFact
from charge_points.services.rows import insert_unless_exists
from charge_points.services.signed_values.keys import (
    UnableToReadKey,
    der_of,
    fingerprint,
    read_key,
)
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError

KEYS_PER_STATION_MAX: Final = 100
# 1.6: SAFE's and the OCA's MeterPublicKey[<connector>], by some without brackets.
_KEY_16: Final = re.compile(r"meterpublickey\[?(\d{0,4})\]?", re.IGNORECASE)
# 2.0.1 (OCA, "Signed Meter Values in OCPP"): FiscalMetering.PublicKey, per EVSE.
_COMPONENT_201: Final = "fiscalmetering"
_VARIABLE_201: Final = "publickey"


class UnableToAddMeterKey(DomainError):
    """The key is none, or there are too many."""

    http_status = 422


@transaction.atomic
def add(
    *,
    charge_point_id: int,
    evse: int,
    public_key: str,
    algorithm: str = "",
    by: str,
    at: datetime,
) -> MeterKey:
    """Register the key that a meter signs with; again gives the same row.

    Args:
        charge_point_id: whose meter.
        evse: which one's; 0: all of them.
        public_key: PEM, or hexadecimal or Base64 as printed on the meter.
        algorithm: as OCMF names it, for keys that are a bare point.
        by: who says so.
        at: now.

    Raises:
        UnableToAddMeterKey: it is no public key, or the charge point has too many.
    """
    try:
        key = read_key(public_key, algorithm)
    except UnableToReadKey as error:
        raise UnableToAddMeterKey(
            "meter_key_invalid",
            f"This is no public key of a meter: {error}. Give PEM, or hexadecimal "
            "digits or Base64 as printed on the meter.",
        ) from error
    station = ChargePoint.objects.select_for_update().get(pk=charge_point_id)
    if MeterKey.objects.filter(charge_point=station).count() >= KEYS_PER_STATION_MAX:
        raise UnableToAddMeterKey(
            "meter_keys_full",
            f"{station.identity} has {KEYS_PER_STATION_MAX} keys; remove old ones.",
            http_status=409,
        )
    row = _row(station.pk, station.operator_id, evse, key)
    row.source, row.added_by, row.added_at = MeterKey.Source.STAFF, by[:120], at
    if not insert_unless_exists(row):
        return MeterKey.objects.get(
            charge_point=station, evse_number=evse, fingerprint=row.fingerprint
        )
    _audit(row, station.identity, "meter_key.added", by, at)
    return row


@transaction.atomic
def remove(*, meter_key_id: int, by: str, at: datetime) -> None:
    """Forget a key; what it verified stays verified."""
    row = MeterKey.objects.select_related("charge_point").get(pk=meter_key_id)
    _audit(row, row.charge_point.identity, "meter_key.removed", by, at)
    row.delete()


def _audit(row: MeterKey, identity: str, action: str, by: str, at: datetime) -> None:
    audit.record(
        operator_id=row.operator_id,
        actor=by,
        action=action,
        object=f"charge point {identity}",
        changes={"evse": row.evse_number, "fingerprint": row.fingerprint},
        at=at,
    )


def _row(
    charge_point_id: int, operator_id: int, evse: int, key: ec.EllipticCurvePublicKey
) -> MeterKey:
    return MeterKey(
        operator_id=operator_id,
        charge_point_id=charge_point_id,
        evse_number=evse,
        public_key_der=der_of(key).hex(),
        fingerprint=fingerprint(key),
        curve=key.curve.name,
    )


def learn(
    *,
    charge_point_id: int,
    operator_id: int,
    facts: Sequence[VariableFact],
    source: str,
    at: datetime,
) -> None:
    """Take over the keys among what a station told of its configuration."""
    told = [
        (evse, fact.value)
        for fact in facts
        if fact.value and (evse := _evse_of(fact)) is not None
    ]
    for evse, text in told[:KEYS_PER_STATION_MAX]:
        try:
            row = _row(charge_point_id, operator_id, evse, read_key(text))
        except UnableToReadKey:
            continue
        known = MeterKey.objects.filter(charge_point_id=charge_point_id)
        if known.count() < KEYS_PER_STATION_MAX:
            row.source, row.added_by = MeterKey.Source.CONFIGURATION, source[:120]
            row.added_at = at
            insert_unless_exists(row)


def _evse_of(fact: VariableFact) -> int | None:
    """Whose key a variable is: 0 for the station's; None for another variable."""
    if fact.component.lower() == _COMPONENT_201:
        return fact.evse if fact.variable.lower() == _VARIABLE_201 else None
    match = _KEY_16.fullmatch(fact.variable)
    if fact.component or match is None:
        return None
    return int(match[1] or 0)


def registered_keys(
    charge_point_ids: Iterable[int],
) -> dict[tuple[int, int], list[ec.EllipticCurvePublicKey]]:
    """Registered keys by (charge point, EVSE; 0 for all), in one statement."""
    found: dict[tuple[int, int], list[ec.EllipticCurvePublicKey]] = {}
    rows = MeterKey.objects.filter(charge_point_id__in=set(charge_point_ids))
    for row in rows.order_by("pk"):
        key = load_der_public_key(bytes.fromhex(row.public_key_der))
        if isinstance(key, ec.EllipticCurvePublicKey):
            place = (row.charge_point_id, row.evse_number)
            found.setdefault(place, []).append(key)
    return found
