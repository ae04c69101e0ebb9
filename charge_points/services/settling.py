"""The energy of one charge, from its row and (only where needed) its samples."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import connection

from charge_points.models import Connector, Transaction
from charge_points.services.energy import (
    NOTHING,
    Ends,
    Register,
    Settlement,
    Span,
    settle,
)
from charge_points.services.facts import CONTEXT_BEGIN, CONTEXT_CLOCK, CONTEXT_END

END_FIELDS: Final = (
    "state",
    "ended_at",
    "end_received_at",
    "stop_reason",
    "stop_id_token",
    "meter_start_wh",
    "meter_stop_wh",
    "energy_wh",
    "estimated",
    "review_reason",
    "unplugged_at",
    "last_seen_at",
)
"""What an end writes to the row."""

CLOCK_SLACK: Final = timedelta(days=1)
"""Samples of a charge lie in its time, give or take a clock that was set within it;
the bounds let PostgreSQL look into few partitions."""


def settle_charge(
    row: Transaction, *, stop_wh: Decimal | None, register: Register | None = None
) -> Settlement:
    """Settle a charge that has its end and whose samples are all stored.

    Args:
        row: the charge; not changed.
        stop_wh: the register of the stop message; None where there is none.
        register: None: the running values of the row.
    """
    if register is None:
        register = Register(
            row.meter_start_wh,
            row.last_energy_wh,
            row.last_energy_at,
            row.meter_gain_wh,
            row.meter_regressed,
        )
    ended_at = row.ended_at or row.last_seen_at
    # The kinder of two clocks: the station's own, and that of the arrivals.
    arrivals = (row.end_received_at or row.last_seen_at) - row.received_at
    span = Span(
        started_at=row.started_at,
        ended_at=max(ended_at, row.started_at + arrivals),
        max_power_w=_max_power_w(row),
    )
    return settle(register, _ends(row, stop_wh, register), span)


def rebuild_register(row: Transaction) -> Register:
    """The running values as if all samples had come in the order of their times."""
    start_wh = row.meter_start_wh if row.natural_key else None
    register = Register(start_wh=start_wh)
    for _, at, energy_wh in _readings(row, everything=True):
        register.advance(energy_wh, at)
    if register.start_wh is None:
        register.start_wh = row.meter_start_wh
    return register


def _max_power_w(row: Transaction) -> int:
    if row.connector_id is None:
        return 0
    found = Connector.objects.filter(pk=row.connector_id).values_list(
        "max_power_w", flat=True
    )
    return found[0] if found else 0


def _readings(
    row: Transaction, *, everything: bool
) -> list[tuple[str, datetime, Decimal]]:
    """(context, at, register) of a charge by time; else those of begin and end only."""
    last_at = max(row.last_energy_at or row.started_at, row.started_at)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT context, sampled_at, energy_wh FROM charge_points_metervalue "
            "WHERE transaction_id = %s AND energy_wh IS NOT NULL AND context <> %s "
            "AND (context IN (%s, %s) OR %s) AND sampled_at BETWEEN %s AND %s "
            "ORDER BY sampled_at",
            [
                row.pk,
                CONTEXT_CLOCK,
                CONTEXT_BEGIN,
                CONTEXT_END,
                everything,
                row.started_at - CLOCK_SLACK,
                last_at + CLOCK_SLACK,
            ],
        )
        return list(cursor.fetchall())


def _ends(row: Transaction, stop_wh: Decimal | None, register: Register) -> Ends:
    """Registers of begin and end among the samples, and the first after the start."""
    if row.last_energy_wh is None:
        return Ends(stop_wh=stop_wh)
    found = _readings(row, everything=register.start_wh == NOTHING)
    begins = [energy for context, _, energy in found if context == CONTEXT_BEGIN]
    ends = [energy for context, _, energy in found if context == CONTEXT_END]
    later = [(at, energy) for _, at, energy in found if energy != NOTHING]
    return Ends(
        stop_wh=stop_wh,
        begin_wh=begins[0] if begins else None,
        end_wh=ends[-1] if ends else None,
        first=later[0] if later else None,
    )
