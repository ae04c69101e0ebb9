"""A charge's limits on the station itself, so that they hold when the link drops.

OCPP before 2.1 knows no limit of a transaction, only of power over time. So the
station gets a TxProfile that falls to zero at the earliest instant at which the limit
could be reached, and a later one with the meter values as long as it was not reached.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

import structlog
from django.db.models import OuterRef, Subquery
from django.db.models.fields.json import KT

from charge_points.events import iso
from charge_points.models import Command, Connector, Transaction
from charge_points.services import capabilities, commands
from charge_points.services.energy import NOTHING, UNKNOWN_POWER_W
from charge_points.services.smart_charging.profiles import (
    LIMIT_STEP,
    SET,
    TX_PROFILE,
    exact,
)

PROFILE_IDS_FROM: Final = 1_500_000_000
PROFILE_ID_RANGE: Final = 500_000_000
STACK_LEVEL: Final = 0
MAINS_V: Final = Decimal(230)
RENEW_BEFORE: Final = timedelta(minutes=5)
GAIN_MIN: Final = timedelta(seconds=30)
"""A profile is renewed when the new one lasts so much longer."""

COMMAND_LIFETIME: Final = timedelta(minutes=2)
LOOK_BACK: Final = 5 * COMMAND_LIFETIME
SECONDS_MAX: Final = 7 * 24 * 3600
LIMITS: Final = "limits"

log = structlog.get_logger(__name__)


def apply(charges: Sequence[Transaction], *, at: datetime) -> int:
    """Give stations the limits of running charges.

    Returns:
        How many profiles were asked for: none of stations that know no profiles.
    """
    limited = [row for row in charges if _is_limited(row)]
    if not limited:
        return 0
    can = capabilities.of_many(row.charge_point_id for row in limited)
    able = [row for row in limited if can[row.charge_point_id].takes_profiles]
    powers = _powers(able)
    for row in able:
        power_w = powers[row.pk]
        until = reached_at(row, power_w=power_w, at=at)
        _send(row, power_w, until, can[row.charge_point_id].rate_unit, at)
    return len(able)


def _is_limited(row: Transaction) -> bool:
    return (
        row.state == Transaction.State.ACTIVE
        and row.stop_requested_at is None
        and (row.energy_limit_wh is not None or row.ends_by is not None)
    )


def _powers(rows: Iterable[Transaction]) -> dict[int, int]:
    places = {row.pk: row.connector_id for row in rows}
    known = dict(
        Connector.objects.filter(
            pk__in=[key for key in places.values() if key]
        ).values_list("pk", "max_power_w")
    )
    return {
        key: known.get(place or 0) or UNKNOWN_POWER_W for key, place in places.items()
    }


def reached_at(row: Transaction, *, power_w: int, at: datetime) -> datetime | None:
    """The earliest instant at which a limit of the charge may be reached.

    Rounded down to whole seconds; None: there is no limit.
    """
    ends: list[datetime] = []
    if row.ends_by is not None:
        ends.append(max(row.ends_by, at))
    if row.energy_limit_wh is not None:
        start_wh, last_wh = row.meter_start_wh, row.last_energy_wh
        taken = NOTHING
        if start_wh is not None and last_wh is not None:
            taken = max(last_wh - start_wh, NOTHING)
        left = max(Decimal(row.energy_limit_wh) - taken, NOTHING)
        seconds = min(int(left * 3600 / power_w), SECONDS_MAX)
        ends.append(at + timedelta(seconds=seconds))
    return min(ends) if ends else None


def renew(transaction_ids: Iterable[int], *, at: datetime) -> int:
    """Prolong profiles that fall to zero soon, though their limit is still far.

    Returns:
        How many were renewed.
    """
    ids = list(transaction_ids)
    if not ids:
        return 0
    rows = Transaction.objects.filter(
        pk__in=ids, state="active", limit_profile_until__isnull=False
    ).order_by("pk")
    powers = _powers(rows)
    later = []
    for row in rows:
        until = reached_at(row, power_w=powers[row.pk], at=at)
        before = row.limit_profile_until
        if until and before and until - before >= GAIN_MIN:
            later.append(row)
    return apply(later, at=at)


def is_ours(profile_id: int) -> bool:
    """Whether a profile is the limit of a charge, as told by its id."""
    return PROFILE_IDS_FROM <= profile_id < PROFILE_IDS_FROM + PROFILE_ID_RANGE


def note_refused(*, charge_point_id: int, ocpp_id: str) -> None:
    """The station does not take the limit: it is not prolonged.

    The remote stop still holds the limit as long as the line is up.
    """
    Transaction.objects.filter(charge_point_id=charge_point_id, ocpp_id=ocpp_id).update(
        limit_profile_until=None
    )


def note_lost(*, charge_point_id: int, ocpp_id: str, at: datetime) -> None:
    """Nobody knows whether the station has the limit: meter values bring it again."""
    Transaction.objects.filter(
        charge_point_id=charge_point_id, ocpp_id=ocpp_id, limit_profile_until__gt=at
    ).update(limit_profile_until=at)


def renew_unsent(*, at: datetime) -> int:
    """Sweep: limits whose command ran out in the queue are sent again.

    The station still has an older one, which falls to zero earlier.

    Returns:
        How many of them the next meter value brings again.
    """
    newest = (
        Command.objects.annotate(ocpp_id=KT("arguments__transaction_id"))
        .filter(
            charge_point_id=OuterRef("charge_point_id"),
            intent=SET,
            requested_by=LIMITS,
            created_at__gt=at - LOOK_BACK,
            ocpp_id=OuterRef("ocpp_id"),
        )
        .order_by("-pk")
    )
    lost = (
        Transaction.objects.filter(
            state=Transaction.State.ACTIVE, limit_profile_until__gt=at + RENEW_BEFORE
        )
        .annotate(newest=Subquery(newest.values("state")[:1]))
        .filter(newest__in=[Command.State.EXPIRED, Command.State.CANCELLED])
    )
    return Transaction.objects.filter(
        pk__in=list(lost.values_list("pk", flat=True))
    ).update(limit_profile_until=at)


def offer(row: Transaction, *, at: datetime) -> None:
    """Answer a vehicle's needs with all that its charge may have (K15.FR.07)."""
    power_w = _powers([row])[row.pk]
    until = reached_at(row, power_w=power_w, at=at)
    unit = capabilities.of_station(row.charge_point_id).rate_unit
    _send(row, power_w, until, unit, at)


def periods(
    power_w: int, until: datetime | None, unit: str, at: datetime
) -> list[dict[str, Any]]:
    """Full power, then nothing from ``until`` on; limits as exact decimal texts."""
    limit = Decimal(power_w)
    if unit == "A":
        limit = (limit / MAINS_V).quantize(LIMIT_STEP, rounding=ROUND_DOWN)
    found = [{"start_s": 0, "limit": exact(limit)}]
    if until is None:
        return found
    seconds = max(int((until - at).total_seconds()), 0)
    end = {"start_s": seconds, "limit": "0"}
    return [end] if seconds == 0 else [*found, end]


def _send(
    row: Transaction, power_w: int, until: datetime | None, unit: str, at: datetime
) -> None:
    Transaction.objects.filter(pk=row.pk).update(limit_profile_until=until)
    row.limit_profile_until = until
    arguments = {
        "evse": row.evse_number,
        "profile_id": PROFILE_IDS_FROM + row.pk % PROFILE_ID_RANGE,
        "stack_level": STACK_LEVEL,
        "purpose": TX_PROFILE,
        "kind": "Absolute",
        "transaction_id": row.ocpp_id,
        "schedules": [
            {
                "start_at": iso(at),
                "rate_unit": unit,
                "periods": periods(power_w, until, unit, at),
            }
        ],
    }
    try:
        commands.queue_intent(
            charge_point_id=row.charge_point_id,
            intent=SET,
            arguments=arguments,
            by=LIMITS,
            idempotency_key=f"limit:{row.pk}:{iso(at)}:{until and iso(until)}",
            expires_at=at + COMMAND_LIFETIME,
            at=at,
            order_number=row.order_number or "",
        )
    except commands.UnableToQueueCommand as error:
        # The remote stop still holds the limit; meter values must be taken.
        log.warning("limit_not_sent", transaction=row.pk, error=error.code)
