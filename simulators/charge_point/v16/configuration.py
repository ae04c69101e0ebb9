"""The configuration keys of a 1.6 station (OCPP 1.6 chapter 9)."""

from dataclasses import dataclass
from typing import Any, Final

from simulators.charge_point.options import Settings, StationOptions

PROFILES: Final = (
    "Core,FirmwareManagement,LocalAuthListManagement,Reservation,"
    "SmartCharging,RemoteTrigger"
)
MEASURANDS: Final = (
    "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,SoC"
)

# Keys that change how the station works, and the setting behind each.
INTEGER_KEYS: Final = {
    "HeartbeatInterval": "heartbeat_interval_s",
    "MeterValueSampleInterval": "meter_interval_s",
    "ConnectionTimeOut": "connection_timeout_s",
    "TransactionMessageAttempts": "retry_attempts",
    "TransactionMessageRetryInterval": "retry_interval_s",
}
BOOLEAN_KEYS: Final = {
    "AuthorizeRemoteTxRequests": "authorize_remote",
    "AllowOfflineTxForUnknownId": "offline_unknown_allowed",
    "StopTransactionOnInvalidId": "stop_on_invalid",
}


@dataclass(slots=True)
class Key:
    """One key that is only kept."""

    value: str
    readonly: bool = False
    needs_reboot: bool = False


class Configuration:
    """What GetConfiguration shows and ChangeConfiguration changes."""

    def __init__(self, options: StationOptions, settings: Settings) -> None:
        """Begin with a station's defaults."""
        self._settings = settings
        connectors = options.evses * options.connectors_per_evse
        self._kept = {
            "NumberOfConnectors": Key(str(connectors), readonly=True),
            "SupportedFeatureProfiles": Key(PROFILES, readonly=True),
            "GetConfigurationMaxKeys": Key("50", readonly=True),
            "ChargeProfileMaxStackLevel": Key("10", readonly=True),
            "ChargingScheduleAllowedChargingRateUnit": Key(
                "Current,Power", readonly=True
            ),
            "ChargingScheduleMaxPeriods": Key("24", readonly=True),
            "MaxChargingProfilesInstalled": Key("100", readonly=True),
            "LocalAuthListMaxLength": Key("1000", readonly=True),
            "SendLocalListMaxLength": Key("1000", readonly=True),
            "AuthorizationCacheEnabled": Key("true"),
            "LocalAuthListEnabled": Key("true"),
            "LocalAuthorizeOffline": Key("true"),
            "LocalPreAuthorize": Key("false"),
            "ClockAlignedDataInterval": Key("0"),
            "MeterValuesSampledData": Key(MEASURANDS),
            "MeterValuesAlignedData": Key("Energy.Active.Import.Register"),
            "StopTxnSampledData": Key("Energy.Active.Import.Register"),
            "StopTxnAlignedData": Key(""),
            "ConnectorPhaseRotation": Key("0.RST"),
            "ResetRetries": Key("1"),
            "StopTransactionOnEVSideDisconnect": Key("true"),
            "UnlockConnectorOnEVSideDisconnect": Key("true"),
            "WebSocketPingInterval": Key("20", needs_reboot=True),
            "SecurityProfile": Key("1", needs_reboot=True),
            "CpoName": Key(""),
        }

    def entries(self, wanted: list[str] | None) -> list[dict[str, Any]]:
        """Return the ConfigurationKey list: of these keys, or of all."""
        rows = [
            {"key": key, "readonly": False, "value": self._setting(key)}
            for key in (*INTEGER_KEYS, *BOOLEAN_KEYS)
        ]
        rows += [
            {"key": key, "readonly": kept.readonly, "value": kept.value}
            for key, kept in self._kept.items()
        ]
        return [row for row in rows if not wanted or row["key"] in wanted]

    def change(self, key: str, value: str) -> str:
        """Return ChangeConfiguration's status after trying."""
        if key in INTEGER_KEYS:
            if not value.isdecimal():
                return "Rejected"
            setattr(self._settings, INTEGER_KEYS[key], int(value))
            return "Accepted"
        if key in BOOLEAN_KEYS:
            if value.lower() not in {"true", "false"}:
                return "Rejected"
            setattr(self._settings, BOOLEAN_KEYS[key], value.lower() == "true")
            return "Accepted"
        return self._change_kept(key, value)

    def _change_kept(self, key: str, value: str) -> str:
        kept = self._kept.get(key)
        if kept is None:
            return "NotSupported"
        if kept.readonly:
            return "Rejected"
        kept.value = value
        return "RebootRequired" if kept.needs_reboot else "Accepted"

    def _setting(self, key: str) -> str:
        if key in INTEGER_KEYS:
            return str(getattr(self._settings, INTEGER_KEYS[key]))
        return str(getattr(self._settings, BOOLEAN_KEYS[key])).lower()
