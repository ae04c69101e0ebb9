"""OCPP 2.0.1, block N: logs (N01)."""

from typing import Final

from charge_points.handlers import diagnostics as common
from charge_points.handlers.registry import Outgoing, Route
from charge_points.ocpp.versions import V201
from charge_points.services import diagnostics

ROUTES: Final = (
    Route(V201, "LogStatusNotification", common.log_status_notification, "one", "N"),
)
OUTGOING: Final = (Outgoing(V201, "GetLog", "N", common.on_log, common.on_error),)
INTENTS: Final = {diagnostics.GET_LOG: common.get_log}
