"""The route table of OCPP 1.6: what may come in, and who answers it."""

from typing import Final

from charge_points.handlers.registry import Route
from charge_points.handlers.v16 import (
    certificates,
    core,
    diagnostics,
    firmware,
    local_auth_list,
    reservation,
    security,
    smart_charging,
)
from charge_points.ocpp.versions import V16

ROUTES_V16: Final = (
    Route(V16, "Authorize", core.authorize, "one", "Core"),
    Route(
        V16,
        "BootNotification",
        core.boot_notification,
        "set",
        "Core",
        needs_registration=False,
    ),
    Route(V16, "DataTransfer", core.data_transfer, "one", "Core"),
    Route(
        V16,
        "Heartbeat",
        core.heartbeat,
        "loop",
        "Core",
        needs_registration=False,
    ),
    Route(V16, "MeterValues", core.meter_values, "set", "Core"),
    Route(V16, "StartTransaction", core.start_transaction, "set", "Core"),
    Route(V16, "StatusNotification", core.status_notification, "set", "Core"),
    Route(V16, "StopTransaction", core.stop_transaction, "set", "Core"),
    *certificates.ROUTES,
    *diagnostics.ROUTES,
    *firmware.ROUTES,
    *local_auth_list.ROUTES,
    *reservation.ROUTES,
    *security.ROUTES,
    *smart_charging.ROUTES,
)
