"""The energy of charges, from their rows and (only where needed) their samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from charge_points.models import Transaction
from charge_points.services.energy import (
    NOTHING,
    Ends,
    Register,
    Settlement,
    Span,
    settle,
)
from charge_points.services.facts import CONTEXT_BEGIN, CONTEXT_CLOCK, CONTEXT_END
from charge_points.services.rows import (
    execute_columns,
    fetch_columns,
    numbers,
    texts,
)

CLOCK_SLACK: Final = timedelta(days=1)
"""Samples of a charge lie in its time, give or take a clock that was set within it;
the bounds let PostgreSQL look into few partitions."""

Reading = tuple[str, datetime, Decimal]
"""(context, at, register)"""

_READINGS: Final = """
SELECT reading.transaction_id, reading.context, reading.sampled_at, reading.energy_wh
FROM unnest(%s::bigint[], %s::boolean[]) AS wanted (id, everything)
JOIN charge_points_metervalue AS reading ON reading.transaction_id = wanted.id
WHERE reading.energy_wh IS NOT NULL AND reading.context <> %s
  AND (wanted.everything OR reading.context IN (%s, %s))
  AND reading.sampled_at BETWEEN %s AND %s
ORDER BY reading.sampled_at
"""
_SAVE: Final = """
UPDATE charge_points_transaction AS charge SET
    state = v.state, ended_at = v.ended_at, end_received_at = v.end_received_at,
    stop_reason = v.stop_reason, stop_id_token = v.stop_id_token,
    meter_start_wh = v.meter_start_wh, meter_stop_wh = v.meter_stop_wh,
    energy_wh = v.energy_wh, estimated = v.estimated,
    review_reason = v.review_reason, unplugged_at = v.unplugged_at,
    last_seen_at = v.last_seen_at
FROM unnest(
    %s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::text[],
    %s::text[], %s::numeric[], %s::numeric[], %s::numeric[], %s::boolean[],
    %s::text[], %s::timestamptz[], %s::timestamptz[]
) AS v (id, state, ended_at, end_received_at, stop_reason, stop_id_token,
        meter_start_wh, meter_stop_wh, energy_wh, estimated, review_reason,
        unplugged_at, last_seen_at)
WHERE charge.id = v.id
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A charge that has its end and whose samples are all stored.

    ``stop_wh`` is the register of the stop message, None where there is none;
    ``register`` None means the running values of the row.
    """

    row: Transaction
    stop_wh: Decimal | None
    register: Register | None = None


def settle_many(cases: Sequence[Case]) -> list[Settlement]:
    """Settle charges, in two statements for all of them; rows are not changed."""
    powers = _max_powers([case.row for case in cases])
    registers = [case.register or _running_register(case.row) for case in cases]
    readings = readings_of(
        [
            (case.row, register.start_wh == NOTHING)
            for case, register in zip(cases, registers, strict=True)
            if case.row.last_energy_wh is not None
        ]
    )
    return [
        settle(
            register,
            _ends(case.stop_wh, readings.get(case.row.pk, ())),
            _span(case.row, powers.get(case.row.connector_id or 0, 0)),
        )
        for case, register in zip(cases, registers, strict=True)
    ]


def _running_register(row: Transaction) -> Register:
    return Register(
        row.meter_start_wh,
        row.last_energy_wh,
        row.last_energy_at,
        row.meter_gain_wh,
        row.meter_regressed,
    )


def _span(row: Transaction, max_power_w: int) -> Span:
    """The kinder of two clocks: the station's own, and that of the arrivals."""
    ended_at = row.ended_at or row.last_seen_at
    arrivals = (row.end_received_at or row.last_seen_at) - row.received_at
    return Span(
        started_at=row.started_at,
        ended_at=max(ended_at, row.started_at + arrivals),
        max_power_w=max_power_w,
    )


def rebuild_register(row: Transaction) -> Register:
    """The running values as if all samples had come in the order of their times.

    What was measured after the end is another charge's, or nobody's.
    """
    register = Register(start_wh=row.meter_start_wh if row.natural_key else None)
    for _, at, energy_wh in readings_of([(row, True)]).get(row.pk, ()):
        if row.ended_at is None or at <= row.ended_at:
            register.advance(energy_wh, at)
    if register.start_wh is None:
        register.start_wh = row.meter_start_wh
    return register


def _max_powers(rows: Sequence[Transaction]) -> dict[int, int]:
    ids = {row.connector_id for row in rows if row.connector_id is not None}
    if not ids:
        return {}
    return dict(
        fetch_columns(
            "SELECT id, max_power_w FROM charge_points_connector "
            "WHERE id = ANY(%s::bigint[])",
            [numbers(sorted(ids))],
        )
    )


def readings_of(
    wanted: Sequence[tuple[Transaction, bool]],
) -> dict[int, list[Reading]]:
    """Registers of charges by time: all of them, else those of begin and end only."""
    if not wanted:
        return {}
    first_at = min(row.started_at for row, _ in wanted)
    last_at = max(row.last_energy_at or row.started_at for row, _ in wanted)
    found = fetch_columns(
        _READINGS,
        [
            numbers([row.pk for row, _ in wanted]),
            numbers([everything for _, everything in wanted]),
            CONTEXT_CLOCK,
            CONTEXT_BEGIN,
            CONTEXT_END,
            first_at - CLOCK_SLACK,
            max(last_at, first_at) + CLOCK_SLACK,
        ],
    )
    readings: dict[int, list[Reading]] = {}
    for key, context, at, energy_wh in found:
        readings.setdefault(key, []).append((context, at, energy_wh))
    return readings


def _ends(stop_wh: Decimal | None, readings: Sequence[Reading]) -> Ends:
    """Registers of begin and end among the samples, and the first after the start."""
    begins = [energy for context, _, energy in readings if context == CONTEXT_BEGIN]
    ends = [energy for context, _, energy in readings if context == CONTEXT_END]
    later = [(at, energy) for _, at, energy in readings if energy != NOTHING]
    return Ends(
        stop_wh=stop_wh,
        begin_wh=begins[0] if begins else None,
        end_wh=ends[-1] if ends else None,
        first=later[0] if later else None,
    )


def save_ends(rows: Sequence[Transaction]) -> None:
    """Write what an end changes, in one statement."""
    if not rows:
        return
    execute_columns(
        _SAVE,
        [
            numbers([row.pk for row in rows]),
            texts([row.state for row in rows]),
            numbers([row.ended_at for row in rows]),
            numbers([row.end_received_at for row in rows]),
            texts([row.stop_reason for row in rows]),
            texts([row.stop_id_token for row in rows]),
            numbers([row.meter_start_wh for row in rows]),
            numbers([row.meter_stop_wh for row in rows]),
            numbers([row.energy_wh for row in rows]),
            numbers([row.estimated for row in rows]),
            texts([row.review_reason for row in rows]),
            numbers([row.unplugged_at for row in rows]),
            numbers([row.last_seen_at for row in rows]),
        ],
    )
