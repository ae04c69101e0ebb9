"""When a charge draws energy and when it stands still, as the station tells it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from charge_points.services.rows import execute_rows

# 1.6 connector statuses (design words) and 2.0.1 charging states.
PHASE_BY_STATUS: Final = {
    "charging": "charging",
    "suspended_ev": "parking",
    "suspended_evse": "parking",
    "finishing": "parking",
}
# EVConnected says nothing of energy: before the first energy it is part of the charge.
PHASE_BY_CHARGING_STATE: Final = {
    "Charging": "charging",
    "SuspendedEV": "parking",
    "SuspendedEVSE": "parking",
    "Idle": "parking",
}

_BY_CONNECTOR: Final = """
INSERT INTO charge_points_transactionphase
    (operator_id, transaction_id, starts_at, state)
SELECT charge.operator_id, charge.id, v.at, v.state
FROM (VALUES %s) AS v (connector_id, at, state)
JOIN charge_points_transaction AS charge
  ON charge.connector_id = v.connector_id AND charge.state = 'active'
 AND charge.started_at <= v.at AND charge.ocpp_version = '1.6'
ON CONFLICT DO NOTHING
"""
_BY_TRANSACTION: Final = """
INSERT INTO charge_points_transactionphase
    (operator_id, transaction_id, starts_at, state)
VALUES %s ON CONFLICT DO NOTHING
"""


def record_status_phases(changes: Sequence[tuple[int, str, datetime]]) -> None:
    """Note (connector id, status, at) for the charges that run there (1.6).

    In 2.0.1 the charging state of the transaction's own events counts.
    """
    execute_rows(
        _BY_CONNECTOR,
        [
            (connector_id, at, PHASE_BY_STATUS[status])
            for connector_id, status, at in changes
            if status in PHASE_BY_STATUS
        ],
        template="(%s::bigint,%s::timestamptz,%s)",
    )


def record_phases(phases: Sequence[tuple[int, int, datetime, str]]) -> None:
    """Note (operator id, transaction id, at, "charging" or "parking")."""
    execute_rows(_BY_TRANSACTION, phases)
