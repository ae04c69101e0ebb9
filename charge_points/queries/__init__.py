"""What others may read: frozen facts, never rows.

The web calls these within ``cpms.accounts.tenancy`` scopes: an operator's for its own
pages, the platform's for a driver whose right was checked by the caller.
"""

from charge_points.queries.connectors import (
    ConnectorView,
    connector_by_code,
    connector_view,
    connector_view_at,
)
from charge_points.queries.live import LiveValues, live_values
from charge_points.queries.periods import PeriodFact
from charge_points.queries.sessions import (
    SessionFacts,
    charging_session,
    charging_sessions,
)
from charge_points.queries.stations import (
    ChargePointSummary,
    ConnectorSummary,
    charge_point_list,
)
from charge_points.queries.tokens import TokenAccount, blocked_drivers, token_account

__all__ = [
    "ChargePointSummary",
    "ConnectorSummary",
    "ConnectorView",
    "LiveValues",
    "PeriodFact",
    "SessionFacts",
    "TokenAccount",
    "blocked_drivers",
    "charge_point_list",
    "charging_session",
    "charging_sessions",
    "connector_by_code",
    "connector_view",
    "connector_view_at",
    "live_values",
    "token_account",
]
