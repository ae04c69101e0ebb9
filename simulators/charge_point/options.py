"""How a simulated station is built and how it behaves."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class StationOptions:
    """Everything about a station that does not change while it runs.

    Attributes:
        evses, connectors_per_evse: 1.6 numbers the connectors through.
        max_power_w: of each EVSE; with `voltage_v`, `phases` the current.
        stock: knows nothing of the certificate extension.
        has_display: accepts SetDisplayMessage (2.0.1).
        tx_start_point: 2.0.1; `EVConnected` opens the transaction at plug-in,
            before any token. 1.6 always starts when both are there.
        tx_stop_point: 2.0.1; `EVConnected` ends it at the unplug.
        time_scale, behind_s, clock_offset_s: see `StationClock`.
        meter_interval_s: station seconds between samples.
        register_wh: the meter's register when the station is built.
        meter_scale: counts this many times the energy that flowed: a fault
            that a server should doubt.
        energises_at_once: current flows before the server answered the start.
        tick_s: real seconds between two looks at the meter.
        timeout_s: default limit of what a script waits for.
        response_timeout_s: limit of one OCPP answer.
        reconnect_delay_s: first pause before a reconnect; doubles up to
            `reconnect_delay_max_s`.
        idle_reset_max_s: how long a reset "on idle" waits for the charge.
        faults: like ``drop-after:StartTransaction`` (see `faults`).
        quirks: names of `quirks.QUIRKS`.
        late_stop_s: how long the fault `late` holds a message back.
        ca_file, client_cert_file, client_key_file: TLS, profiles 2 and 3.
    """

    vendor: str = "Simulated"
    model: str = "SIM-1"
    serial: str = "SIM000001"
    firmware: str = "1.0.0"
    evses: int = 1
    connectors_per_evse: int = 1
    max_power_w: int = 22_000
    voltage_v: int = 230
    phases: int = 3
    stock: bool = False
    has_display: bool = False
    tx_start_point: Literal["PowerPathClosed", "EVConnected"] = "PowerPathClosed"
    tx_stop_point: Literal["Authorized", "EVConnected"] = "Authorized"
    time_scale: int = 1
    behind_s: int | None = None
    clock_offset_s: int = 0
    meter_interval_s: int = 60
    register_wh: int = 100_000
    meter_scale: int = 1
    energises_at_once: bool = False
    tick_s: float = 0.1
    timeout_s: float = 10.0
    response_timeout_s: float = 30.0
    reconnect_delay_s: float = 0.5
    reconnect_delay_max_s: float = 30.0
    auto_reconnect: bool = True
    idle_reset_max_s: float = 3600.0
    faults: tuple[str, ...] = ()
    quirks: tuple[str, ...] = ()
    late_stop_s: float = 2.0
    ca_file: str = ""
    client_cert_file: str = ""
    client_key_file: str = ""


@dataclass(slots=True)
class Settings:
    """What the server may change: 1.6's keys and 2.0.1's variables map here."""

    heartbeat_interval_s: int = 300
    meter_interval_s: int = 60
    connection_timeout_s: int = 60
    retry_attempts: int = 3
    retry_interval_s: int = 1
    authorize_remote: bool = False
    offline_unknown_allowed: bool = False
    stop_on_invalid: bool = True
