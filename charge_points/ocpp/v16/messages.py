"""The messages of OCPP 1.6 with its security extension, by feature profile.

Fourteen may come in, twenty-six may go out; DataTransfer goes both ways.
"""

from typing import Final

from charge_points.ocpp.message_set import Direction, Message, message_set
from charge_points.ocpp.versions import V16

_IN: Final = Direction.IN
_OUT: Final = Direction.OUT
_BOTH: Final = Direction.BOTH

# Group, direction, action.
_TABLE: Final = (
    ("Core", _IN, "Authorize"),
    ("Core", _IN, "BootNotification"),
    ("Core", _IN, "Heartbeat"),
    ("Core", _IN, "MeterValues"),
    ("Core", _IN, "StartTransaction"),
    ("Core", _IN, "StatusNotification"),
    ("Core", _IN, "StopTransaction"),
    ("Core", _BOTH, "DataTransfer"),
    ("Core", _OUT, "ChangeAvailability"),
    ("Core", _OUT, "ChangeConfiguration"),
    ("Core", _OUT, "ClearCache"),
    ("Core", _OUT, "GetConfiguration"),
    ("Core", _OUT, "RemoteStartTransaction"),
    ("Core", _OUT, "RemoteStopTransaction"),
    ("Core", _OUT, "Reset"),
    ("Core", _OUT, "UnlockConnector"),
    ("FirmwareManagement", _IN, "DiagnosticsStatusNotification"),
    ("FirmwareManagement", _IN, "FirmwareStatusNotification"),
    ("FirmwareManagement", _OUT, "GetDiagnostics"),
    ("FirmwareManagement", _OUT, "UpdateFirmware"),
    ("LocalAuthListManagement", _OUT, "GetLocalListVersion"),
    ("LocalAuthListManagement", _OUT, "SendLocalList"),
    ("Reservation", _OUT, "CancelReservation"),
    ("Reservation", _OUT, "ReserveNow"),
    ("SmartCharging", _OUT, "ClearChargingProfile"),
    ("SmartCharging", _OUT, "GetCompositeSchedule"),
    ("SmartCharging", _OUT, "SetChargingProfile"),
    ("RemoteTrigger", _OUT, "TriggerMessage"),
    ("Security", _IN, "LogStatusNotification"),
    ("Security", _IN, "SecurityEventNotification"),
    ("Security", _IN, "SignCertificate"),
    ("Security", _IN, "SignedFirmwareStatusNotification"),
    ("Security", _OUT, "CertificateSigned"),
    ("Security", _OUT, "DeleteCertificate"),
    ("Security", _OUT, "ExtendedTriggerMessage"),
    ("Security", _OUT, "GetInstalledCertificateIds"),
    ("Security", _OUT, "GetLog"),
    ("Security", _OUT, "InstallCertificate"),
    ("Security", _OUT, "SignedUpdateFirmware"),
)

MESSAGES: Final = message_set(
    V16,
    "v16",
    (
        Message(
            action=action,
            direction=direction,
            group=group,
            call_schema=action,
            result_schema=f"{action}Response",
        )
        for group, direction, action in _TABLE
    ),
)
