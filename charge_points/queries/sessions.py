"""The measured facts of charges, for pricing and receipts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from charge_points.events import whole_wh
from charge_points.models import Transaction, TransactionPhase
from charge_points.queries.periods import Charge, PeriodFact, Reading, cut

CLOCK_SLACK: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A charge from its start to its end; of a running one, as far as it is known.

    ``energy_wh`` is whole Wh; the exact energies of ``periods`` add up to it. Periods
    end with the charge: the idle time up to ``unplugged_at`` is not among them.
    """

    transaction_id: int
    operator_id: int
    charge_point: str
    evse: int
    connector: int
    started_at: datetime
    ended_at: datetime | None
    unplugged_at: datetime | None
    meter_start_wh: Decimal | None
    meter_stop_wh: Decimal | None
    energy_wh: int
    periods: tuple[PeriodFact, ...]
    estimated: bool
    review_reason: str | None
    signed_values: tuple[dict[str, str], ...]
    time_zone: str


def charging_session(transaction_id: int) -> SessionFacts | None:
    """The facts of one charge; None when there is no such transaction."""
    return charging_sessions([transaction_id]).get(transaction_id)


def charging_sessions(transaction_ids: Sequence[int]) -> dict[int, SessionFacts]:
    """The facts of many charges in three statements."""
    rows = list(
        Transaction.objects.filter(pk__in=transaction_ids).select_related(
            "charge_point", "charge_point__site"
        )
    )
    readings = _readings(rows)
    phases: dict[int, list[tuple[datetime, str]]] = {}
    found = TransactionPhase.objects.filter(transaction_id__in=transaction_ids)
    for key, at, state in found.order_by("starts_at").values_list(
        "transaction_id", "starts_at", "state"
    ):
        phases.setdefault(key, []).append((at, state))
    return {
        row.pk: _facts(row, readings.get(row.pk, []), phases.get(row.pk, []))
        for row in rows
    }


def _readings(rows: Sequence[Transaction]) -> dict[int, list[Reading]]:
    if not rows:
        return {}
    begins_at = min(row.started_at for row in rows) - CLOCK_SLACK
    ends_at = max(row.ended_at or row.last_seen_at for row in rows) + CLOCK_SLACK
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT transaction_id, sampled_at, energy_wh, power_w, current_a "
            "FROM charge_points_metervalue WHERE transaction_id = ANY(%s) "
            "AND energy_wh IS NOT NULL AND context <> 'Sample.Clock' "
            "AND sampled_at BETWEEN %s AND %s",
            [[row.pk for row in rows], begins_at, ends_at],
        )
        found: list[tuple[Any, ...]] = cursor.fetchall()
    readings: dict[int, list[Reading]] = {}
    for key, at, energy_wh, power_w, current_a in found:
        reading = Reading(at, energy_wh, power_w, current_a)
        readings.setdefault(key, []).append(reading)
    return readings


def _facts(
    row: Transaction,
    readings: Sequence[Reading],
    phases: Sequence[tuple[datetime, str]],
) -> SessionFacts:
    start_wh = row.meter_start_wh
    energy_wh = Decimal(whole_wh(_energy(row)))
    until = row.ended_at or max(row.last_energy_at or row.started_at, row.started_at)
    charge = Charge(
        started_at=row.started_at,
        ended_at=until,
        start_wh=start_wh if start_wh is not None else Decimal(0),
        energy_wh=energy_wh,
        readings=readings if start_wh is not None else (),
        phases=phases,
    )
    station = row.charge_point
    return SessionFacts(
        transaction_id=row.pk,
        operator_id=row.operator_id,
        charge_point=station.identity,
        evse=row.evse_number,
        connector=row.connector_number,
        started_at=row.started_at,
        ended_at=row.ended_at,
        unplugged_at=row.unplugged_at,
        meter_start_wh=start_wh,
        meter_stop_wh=row.meter_stop_wh,
        energy_wh=int(energy_wh),
        periods=cut(charge),
        estimated=row.estimated,
        review_reason=row.review_reason or None,
        signed_values=tuple(row.signed_values),
        time_zone=station.site.time_zone,
    )


def _energy(row: Transaction) -> Decimal:
    """Settled for an ended charge, the running difference else."""
    if row.energy_wh is not None:
        return row.energy_wh
    if row.last_energy_wh is None or row.meter_start_wh is None:
        return Decimal(0)
    return max(row.last_energy_wh - row.meter_start_wh, Decimal(0))
