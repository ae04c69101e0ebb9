"""Limits of others (K12 to K14) and needs of vehicles (K15 to K17); 2.0.1 only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from charge_points.models import ChargingLimit, ChargingNeeds, Transaction
from charge_points.services.smart_charging import transaction_limits


@transaction.atomic
def record_limit(  # noqa: PLR0913 - the fields of one row, all named
    *,
    charge_point_id: int,
    operator_id: int,
    evse: int,
    source: str,
    is_grid_critical: bool,
    schedules: Sequence[dict[str, Any]],
    at: datetime,
) -> None:
    """NotifyChargingLimit: an external limit holds until it is cleared or replaced."""
    clear_limit(charge_point_id=charge_point_id, evse=evse, source=source, at=at)
    ChargingLimit.objects.create(
        operator_id=operator_id,
        charge_point_id=charge_point_id,
        evse_number=evse,
        source=source[:8],
        is_grid_critical=is_grid_critical,
        schedules=list(schedules),
        began_at=at,
    )


@transaction.atomic
def clear_limit(*, charge_point_id: int, evse: int, source: str, at: datetime) -> int:
    """ClearedChargingLimit (K13): returns how many limits ended."""
    return ChargingLimit.objects.filter(
        charge_point_id=charge_point_id,
        evse_number=evse,
        source=source[:8],
        cleared_at__isnull=True,
    ).update(cleared_at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsFact:
    """NotifyEVChargingNeeds; ``needs`` as sent."""

    charge_point_id: int
    operator_id: int
    evse: int
    transfer_mode: str
    needs: dict[str, Any]
    received_at: datetime
    energy_wh: int | None = None
    power_max_w: int | None = None
    soc_percent: int | None = None
    departure_at: datetime | None = None


def _running(charge_point_id: int, evse: int) -> Transaction | None:
    return (
        Transaction.objects.filter(
            charge_point_id=charge_point_id, evse_number=evse, state="active"
        )
        .order_by("-started_at")
        .first()
    )


@transaction.atomic
def record_needs(fact: NeedsFact) -> bool:
    """Keep what the vehicle asked for, and offer what its charge may have.

    Returns:
        Whether a schedule follows: there is a charge to give one to (K15.FR.03).
    """
    charge = _running(fact.charge_point_id, fact.evse)
    ChargingNeeds.objects.create(
        operator_id=fact.operator_id,
        charge_point_id=fact.charge_point_id,
        transaction=charge,
        evse_number=fact.evse,
        transfer_mode=fact.transfer_mode[:16],
        energy_wh=fact.energy_wh,
        power_max_w=fact.power_max_w,
        departure_at=fact.departure_at,
        soc_percent=fact.soc_percent,
        needs=fact.needs,
        received_at=fact.received_at,
    )
    if charge is None:
        return False
    transaction_limits.offer(charge, at=fact.received_at)
    return True


@transaction.atomic
def record_schedule(
    *,
    charge_point_id: int,
    operator_id: int,
    evse: int,
    schedule: dict[str, Any],
    based_at: datetime,
    at: datetime,
) -> bool:
    """NotifyEVChargingSchedule: what the vehicle is going to take (K17).

    Returns:
        Whether there is a charge that it can belong to.
    """
    charge = _running(charge_point_id, evse)
    if charge is None:
        return False
    row = (
        ChargingNeeds.objects.filter(transaction=charge)
        .order_by("-received_at")
        .first()
    )
    if row is None:
        row = ChargingNeeds(
            operator_id=operator_id,
            charge_point_id=charge_point_id,
            transaction=charge,
            evse_number=evse,
            received_at=at,
        )
    row.schedule, row.schedule_based_at, row.schedule_at = schedule, based_at, at
    row.save()
    return True
