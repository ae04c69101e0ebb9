"""One whole charge at one connector, as the command line and the fleet run it."""

import time
from dataclasses import dataclass, field
from typing import Any, Literal

from simulators.charge_point.battery import Battery
from simulators.charge_point.facts import PluggedVehicle, Token
from simulators.charge_point.station import SimulatedStation
from simulators.errors import SimulatorError

StopBy = Literal["local", "unplug", "server"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeScript:
    """What happens between plugging in and driving away.

    Attributes:
        token: presented to the reader; empty: the server starts (a claim by the
            vehicle, or a remote start from elsewhere).
        energy_wh: what the vehicle takes; 0: until it is full.
        idle_s: station seconds that it stays afterwards without taking energy.
        stop: `local` at the station, `unplug` by pulling the cable, `server`
            waits for a remote stop.
        start_timeout_s, charge_timeout_s: real seconds for each phase.
    """

    connector: int = 1
    token: str | Token = ""
    energy_wh: int = 5_000
    idle_s: int = 0
    stop: StopBy = "local"
    vehicle: PluggedVehicle | None = None
    battery: Battery | None = None
    start_timeout_s: float = 30.0
    charge_timeout_s: float = 600.0


@dataclass(slots=True)
class ChargeOutcome:
    """What one charge was.

    Attributes:
        reference: 2.0.1's transactionId (the station's own name in 1.6).
        server_id: 1.6's transactionId.
        token: what it ran under: the order number where the server started it.
        seconds: real time of each phase: `start`, `charge`, `stop`.
    """

    reference: str
    token: str
    energy_wh: int
    server_id: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as one JSON object."""
        return {
            "reference": self.reference,
            "server_id": self.server_id,
            "token": self.token,
            "energy_wh": self.energy_wh,
            "seconds": {name: round(value, 4) for name, value in self.seconds.items()},
        }


async def run_charge(station: SimulatedStation, script: ChargeScript) -> ChargeOutcome:
    """Plug in, start, charge, stop and unplug.

    Raises:
        WaitedTooLong: a phase took longer than its limit.
        SimulatorError: the token was refused, or the charge ended early.
    """
    number = script.connector
    began_s = time.perf_counter()
    await station.plug_in(number, script.vehicle, battery=script.battery)
    try:
        return await _charge(station, script, began_s)
    finally:
        if station.outlets[number].cable is not None:
            await station.unplug(number)
        await station.settle(script.start_timeout_s)


async def _charge(
    station: SimulatedStation, script: ChargeScript, began_s: float
) -> ChargeOutcome:
    number, limit_s = script.connector, script.start_timeout_s
    if script.token:
        running = await station.start_local_transaction(script.token, number, limit_s)
    else:
        running = await station.wait_for_remote_start(number, limit_s)
    started_s = time.perf_counter()
    held = running.authorization
    outcome = ChargeOutcome(
        running.reference, held.token.value if held else "", 0, running.server_id
    )
    try:
        await station.charge(
            number,
            energy_wh=script.energy_wh or None,
            timeout_s=script.charge_timeout_s,
        )
    except SimulatorError:
        if not (running.ended and script.stop == "server"):
            raise  # else a person or the server stopped before the vehicle had enough
    if script.idle_s and not running.ended:
        await station.idle(
            number, seconds=script.idle_s, timeout_s=script.charge_timeout_s
        )
    charged_s = time.perf_counter()
    await _stop(station, script)
    outlet = station.outlets[number]
    outcome.energy_wh = outlet.register_wh - running.started_wh
    if outlet.cable is not None:
        await station.unplug(number)
    await station.settle(limit_s)
    outcome.server_id = running.server_id
    outcome.seconds = {
        "start": started_s - began_s,
        "charge": charged_s - started_s,
        "stop": time.perf_counter() - charged_s,
    }
    return outcome


async def _stop(station: SimulatedStation, script: ChargeScript) -> None:
    number = script.connector
    if script.stop == "local":
        await station.stop_local(number)
    elif script.stop == "unplug":
        await station.unplug(number)
    else:
        await station.wait_for_end(number, script.charge_timeout_s)
