"""The tables of all versions, put together for the gateway."""

from charge_points.handlers.follow_ups import linked
from charge_points.handlers.registry import VersionTables, routes_by_action
from charge_points.handlers.v16 import outgoing as outgoing_v16, routes as routes_v16
from charge_points.handlers.v201 import (
    outgoing as outgoing_v201,
    routes as routes_v201,
)
from charge_points.ocpp.versions import V16, V201


def all_tables() -> dict[str, VersionTables]:
    """One entry per version that the gateway speaks."""
    return {
        V16: VersionTables(
            version=V16,
            routes=routes_by_action(map(linked, routes_v16.ROUTES_V16)),
            outgoing=outgoing_v16.OUTGOING,
            translate=outgoing_v16.outgoing_v16,
            interpret=outgoing_v16.interpret_v16,
        ),
        V201: VersionTables(
            version=V201,
            routes=routes_by_action(map(linked, routes_v201.ROUTES_V201)),
            outgoing=outgoing_v201.OUTGOING,
            translate=outgoing_v201.outgoing_v201,
            interpret=outgoing_v201.interpret_v201,
        ),
    }
