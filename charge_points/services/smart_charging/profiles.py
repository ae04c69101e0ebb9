"""Which charging profiles a station has, as it accepted or reported them.

Purposes and kinds are the words of 2.0.1. A schedule is ``{"start_at", "duration_s",
"rate_unit", "min_rate", "periods": [{"start_s", "limit", "phases"}]}`` with limits as
exact decimal texts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from charge_points.models import ChargingProfile, CompositeSchedule, Transaction
from charge_points.services.rows import insert_unless_exists

SET: Final = "set_charging_profile"
OURS: Final = "CSO"
TX_PROFILE: Final = "TxProfile"
PROFILES_PER_STATION_MAX: Final = 500
LIMIT_STEP: Final = Decimal("0.1")
"""The schemas of both versions want multiples of it."""

Schedule = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFact:
    """One profile; EVSE 0 is the station, ``transaction_id`` the OCPP id or empty."""

    evse: int
    profile_id: int
    stack_level: int
    purpose: str
    kind: str
    schedules: Sequence[Schedule]
    recurrency: str = ""
    transaction_id: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None


def exact(value: object) -> str:
    """A limit as a decimal text: 8.1 stays 8.1, whatever it was read as."""
    return format(Decimal(str(value)).normalize(), "f")


@transaction.atomic
def record_set(
    *, charge_point_id: int, operator_id: int, fact: ProfileFact, at: datetime
) -> None:
    """A station accepted a profile; it replaces one with its id or its place.

    The place is EVSE, purpose, stack level and transaction (1.6 3.13.2, 2.0.1 K01).
    """
    same_place = Q(
        evse_number=fact.evse,
        purpose=fact.purpose,
        stack_level=fact.stack_level,
        transaction_id=fact.transaction_id,
    )
    _active(charge_point_id).filter(same_place | Q(profile_id=fact.profile_id)).update(
        state=ChargingProfile.State.REPLACED, ended_at=at
    )
    insert_unless_exists(_row(charge_point_id, operator_id, fact, OURS, at))


def _active(charge_point_id: int) -> QuerySet[ChargingProfile]:
    return ChargingProfile.objects.filter(
        charge_point_id=charge_point_id, state=ChargingProfile.State.ACTIVE
    )


def _row(
    charge_point_id: int, operator_id: int, fact: ProfileFact, source: str, at: datetime
) -> ChargingProfile:
    return ChargingProfile(
        operator_id=operator_id,
        charge_point_id=charge_point_id,
        evse_number=fact.evse,
        profile_id=fact.profile_id,
        stack_level=fact.stack_level,
        purpose=fact.purpose[:32],
        kind=fact.kind[:10],
        recurrency=fact.recurrency[:8],
        transaction_id=fact.transaction_id,
        valid_from=fact.valid_from,
        valid_to=fact.valid_to,
        schedules=list(fact.schedules),
        source=source[:8],
        installed_at=at,
    )


@transaction.atomic
def record_cleared(
    *, charge_point_id: int, criteria: Mapping[str, Any], at: datetime
) -> int:
    """ClearChargingProfile was answered: what matches is gone (K10).

    An id counts alone; otherwise every given one of evse, purpose and stack level.

    Args:
        charge_point_id: whose.
        criteria: any of "profile_id", "evse", "purpose", "stack_level"; none: all.
        at: now.

    Returns:
        How many profiles that were known are gone.
    """
    rows = _active(charge_point_id)
    if criteria.get("profile_id") is not None:
        rows = rows.filter(profile_id=criteria["profile_id"])
    else:
        if criteria.get("evse") is not None:
            rows = rows.filter(evse_number=criteria["evse"])
        if criteria.get("purpose"):
            rows = rows.filter(purpose=criteria["purpose"])
        if criteria.get("stack_level") is not None:
            rows = rows.filter(stack_level=criteria["stack_level"])
    return rows.update(state=ChargingProfile.State.CLEARED, ended_at=at)


@transaction.atomic
def record_reported(
    *,
    charge_point_id: int,
    operator_id: int,
    facts: Sequence[ProfileFact],
    source: str,
    at: datetime,
) -> None:
    """ReportChargingProfiles (K09): what the station really has.

    A profile that nobody here sent is added under its source; a known one is
    confirmed, and corrected where the station says otherwise.
    """
    for fact in facts[:PROFILES_PER_STATION_MAX]:
        known = (
            _active(charge_point_id)
            .filter(profile_id=fact.profile_id, evse_number=fact.evse)
            .first()
        )
        row = _row(charge_point_id, operator_id, fact, source, at)
        row.confirmed_at = at
        if known is not None:
            row.pk = known.pk
            row.installed_at = known.installed_at
            row.save()
        else:
            insert_unless_exists(row)


@transaction.atomic
def end_with_transactions(*, at: datetime) -> int:
    """Task: profiles of transactions that ended are gone with them (K01.FR.16)."""
    running = Transaction.objects.filter(
        charge_point_id=OuterRef("charge_point_id"),
        ocpp_id=OuterRef("transaction_id"),
        state="active",
    )
    over = (
        ChargingProfile.objects.filter(state="active", purpose=TX_PROFILE)
        .exclude(transaction_id="")
        .filter(~Exists(running))
    )
    return over.update(state=ChargingProfile.State.ENDED, ended_at=at)


@transaction.atomic
def record_composite(
    *,
    charge_point_id: int,
    operator_id: int,
    evse: int,
    schedule: Schedule,
    at: datetime,
) -> None:
    """GetCompositeSchedule was answered: the newest one per EVSE is kept (K08)."""
    CompositeSchedule.objects.update_or_create(
        charge_point_id=charge_point_id,
        evse_number=evse,
        defaults={
            "operator_id": operator_id,
            "starts_at": schedule["start_at"] or at,
            "duration_s": schedule["duration_s"] or 0,
            "rate_unit": schedule["rate_unit"],
            "periods": schedule["periods"],
            "received_at": at,
        },
    )
