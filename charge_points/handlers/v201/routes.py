"""The route table of OCPP 2.0.1: what may come in, and who answers it."""

from typing import Final

from charge_points.handlers.registry import Route
from charge_points.handlers.v201 import (
    authorization,
    availability,
    certificates,
    customer_information,
    data_transfer,
    diagnostics,
    display,
    firmware,
    local_auth_list,
    monitoring,
    provisioning,
    reservation,
    security,
    smart_charging,
    transactions,
)
from charge_points.ocpp.versions import V201

ROUTES_V201: Final = (
    Route(V201, "Authorize", authorization.authorize, "one", "C"),
    Route(
        V201,
        "BootNotification",
        provisioning.boot_notification,
        "set",
        "B",
        needs_registration=False,
    ),
    Route(V201, "DataTransfer", data_transfer.data_transfer, "one", "P"),
    Route(V201, "Heartbeat", availability.heartbeat, "loop", "G"),
    Route(V201, "MeterValues", transactions.meter_values, "set", "J"),
    # A pending station may be asked for a report.
    Route(
        V201,
        "NotifyReport",
        provisioning.notify_report,
        "one",
        "B",
        needs_registration=False,
    ),
    Route(
        V201,
        "SecurityEventNotification",
        security.security_event_notification,
        "one",
        "A",
    ),
    Route(V201, "StatusNotification", availability.status_notification, "set", "G"),
    Route(V201, "TransactionEvent", transactions.transaction_event, "set", "E"),
    *local_auth_list.ROUTES,
    *certificates.ROUTES,
    *customer_information.ROUTES,
    *diagnostics.ROUTES,
    *display.ROUTES,
    *firmware.ROUTES,
    *monitoring.ROUTES,
    *reservation.ROUTES,
    *smart_charging.ROUTES,
)
