"""The messages of OCPP 2.0.1 by functional block.

Twenty-five may come in, forty may go out; DataTransfer goes both ways.
"""

from typing import Final

from charge_points.ocpp.message_set import Direction, Message, message_set
from charge_points.ocpp.versions import V201

# The functional blocks of part 2, by letter.
BLOCKS: Final = {
    "A": "Security",
    "B": "Provisioning",
    "C": "Authorization",
    "D": "LocalAuthorizationList",
    "E": "Transactions",
    "F": "RemoteControl",
    "G": "Availability",
    "H": "Reservation",
    "I": "TariffAndCost",
    "J": "Metering",
    "K": "SmartCharging",
    "L": "FirmwareManagement",
    "M": "Iso15118CertificateManagement",
    "N": "Diagnostics",
    "O": "DisplayMessage",
    "P": "DataTransfer",
}

_IN: Final = Direction.IN
_OUT: Final = Direction.OUT
_BOTH: Final = Direction.BOTH

# Group, direction, action.
_TABLE: Final = (
    ("A", _IN, "SecurityEventNotification"),
    ("A", _IN, "SignCertificate"),
    ("A", _OUT, "CertificateSigned"),
    ("B", _IN, "BootNotification"),
    ("B", _IN, "NotifyReport"),
    ("B", _OUT, "GetBaseReport"),
    ("B", _OUT, "GetReport"),
    ("B", _OUT, "GetVariables"),
    ("B", _OUT, "Reset"),
    ("B", _OUT, "SetNetworkProfile"),
    ("B", _OUT, "SetVariables"),
    ("C", _IN, "Authorize"),
    ("C", _OUT, "ClearCache"),
    ("D", _OUT, "GetLocalListVersion"),
    ("D", _OUT, "SendLocalList"),
    ("E", _IN, "TransactionEvent"),
    ("E", _OUT, "GetTransactionStatus"),
    ("F", _OUT, "RequestStartTransaction"),
    ("F", _OUT, "RequestStopTransaction"),
    ("F", _OUT, "TriggerMessage"),
    ("F", _OUT, "UnlockConnector"),
    ("G", _IN, "Heartbeat"),
    ("G", _IN, "StatusNotification"),
    ("G", _OUT, "ChangeAvailability"),
    ("H", _IN, "ReservationStatusUpdate"),
    ("H", _OUT, "CancelReservation"),
    ("H", _OUT, "ReserveNow"),
    ("I", _OUT, "CostUpdated"),
    ("J", _IN, "MeterValues"),
    ("K", _IN, "ClearedChargingLimit"),
    ("K", _IN, "NotifyChargingLimit"),
    ("K", _IN, "NotifyEVChargingNeeds"),
    ("K", _IN, "NotifyEVChargingSchedule"),
    ("K", _IN, "ReportChargingProfiles"),
    ("K", _OUT, "ClearChargingProfile"),
    ("K", _OUT, "GetChargingProfiles"),
    ("K", _OUT, "GetCompositeSchedule"),
    ("K", _OUT, "SetChargingProfile"),
    ("L", _IN, "FirmwareStatusNotification"),
    ("L", _IN, "PublishFirmwareStatusNotification"),
    ("L", _OUT, "PublishFirmware"),
    ("L", _OUT, "UnpublishFirmware"),
    ("L", _OUT, "UpdateFirmware"),
    ("M", _IN, "Get15118EVCertificate"),
    ("M", _IN, "GetCertificateStatus"),
    ("M", _OUT, "DeleteCertificate"),
    ("M", _OUT, "GetInstalledCertificateIds"),
    ("M", _OUT, "InstallCertificate"),
    ("N", _IN, "LogStatusNotification"),
    ("N", _IN, "NotifyCustomerInformation"),
    ("N", _IN, "NotifyEvent"),
    ("N", _IN, "NotifyMonitoringReport"),
    ("N", _OUT, "ClearVariableMonitoring"),
    ("N", _OUT, "CustomerInformation"),
    ("N", _OUT, "GetLog"),
    ("N", _OUT, "GetMonitoringReport"),
    ("N", _OUT, "SetMonitoringBase"),
    ("N", _OUT, "SetMonitoringLevel"),
    ("N", _OUT, "SetVariableMonitoring"),
    ("O", _IN, "NotifyDisplayMessages"),
    ("O", _OUT, "ClearDisplayMessage"),
    ("O", _OUT, "GetDisplayMessages"),
    ("O", _OUT, "SetDisplayMessage"),
    ("P", _BOTH, "DataTransfer"),
)

MESSAGES: Final = message_set(
    V201,
    "v201",
    (
        Message(
            action=action,
            direction=direction,
            group=group,
            call_schema=f"{action}Request",
            result_schema=f"{action}Response",
        )
        for group, direction, action in _TABLE
    ),
)
