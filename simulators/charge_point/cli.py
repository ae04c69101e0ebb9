"""``python -m simulators charge-point``."""

import argparse
import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from simulators.charge_point.battery import Battery
from simulators.charge_point.facts import Token
from simulators.charge_point.faults import KINDS
from simulators.charge_point.options import StationOptions
from simulators.charge_point.quirks import QUIRKS
from simulators.charge_point.script import ChargeScript, run_charge
from simulators.charge_point.station import SimulatedStation
from simulators.console import Console, run_command
from simulators.errors import ExitCode, UnableToUnderstand, WaitedTooLong
from simulators.journal import Event
from simulators.rest import RestClient
from simulators.v2g.cli import read_contract
from simulators.vehicle.keys import VehicleKey
from simulators.vehicle.vehicle import SimulatedVehicle

DEFAULTS: Final = StationOptions()
SERVE_MAX_S: Final = 10 * 365 * 24 * 3600

EPILOG: Final = f"""\
What it does after booting:
  --token TAG       charges with this token, --charges times
  --remote          plugs in and waits for the server's start, --charges times;
                    with --vehicle-key and --api its vehicle claims the
                    charging certificate itself
  --serve SECONDS   stays and charges whatever the server starts (0: for ever)
  nothing of these  leaves

Time: --time-scale N lets N station seconds pass per real second while a charge
runs. Such a station starts --behind seconds in the past and never overtakes real
time, so that neither its timestamps nor its energy look impossible.

Faults are kind:step[:times], kinds {", ".join(sorted(KINDS))};
a step is an OCPP action, or start, meter, stop, status.
Quirks: {", ".join(QUIRKS)}.

Exit codes: 0 done, 1 a charge failed, 2 wrong use, 3 no answer, 4 refused,
5 waited too long."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators charge-point",
        description="One OCPP station.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", required=True, help="ws(s)://host:port/ocpp")
    parser.add_argument("--identity", required=True)
    parser.add_argument("--ocpp", choices=("1.6", "2.0.1"), default="1.6")
    parser.add_argument("--password", default="", help="basic auth (profiles 1, 2)")
    parser.add_argument("--password-file", metavar="FILE", help="its first line")
    parser.add_argument("--json", action="store_true", help="events as JSON lines")
    _add_build(parser.add_argument_group("how it is built"))
    _add_behaviour(parser.add_argument_group("how it behaves"))
    _add_charge(parser.add_argument_group("what it charges"))
    return parser


def _add_build(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--evses", type=int, default=DEFAULTS.evses)
    group.add_argument(
        "--connectors-per-evse", type=int, default=DEFAULTS.connectors_per_evse
    )
    group.add_argument("--max-power-w", type=int, default=DEFAULTS.max_power_w)
    group.add_argument("--register-wh", type=int, default=DEFAULTS.register_wh)
    group.add_argument("--ca", dest="ca_file", default="", help="PEM file, for wss")
    group.add_argument("--client-cert", dest="client_cert_file", default="")
    group.add_argument("--client-key", dest="client_key_file", default="")
    group.add_argument("--has-display", action="store_true")
    points = ("PowerPathClosed", "EVConnected")
    group.add_argument("--tx-start-point", choices=points, default=points[0])
    group.add_argument(
        "--tx-stop-point", choices=("Authorized", "EVConnected"), default="Authorized"
    )


def _add_behaviour(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--stock", action="store_true", help="knows nothing of charging certificates"
    )
    group.add_argument("--time-scale", type=int, default=DEFAULTS.time_scale)
    group.add_argument("--behind", dest="behind_s", type=int, metavar="SECONDS")
    group.add_argument(
        "--clock-offset", dest="clock_offset_s", type=int, default=0, metavar="SECONDS"
    )
    group.add_argument(
        "--meter-interval",
        dest="meter_interval_s",
        type=int,
        default=DEFAULTS.meter_interval_s,
        metavar="SECONDS",
    )
    group.add_argument("--meter-scale", type=int, default=DEFAULTS.meter_scale)
    group.add_argument("--fault", dest="faults", action="append", default=[])
    group.add_argument("--quirk", dest="quirks", action="append", default=[])
    group.add_argument(
        "--timeout", dest="timeout_s", type=float, default=DEFAULTS.timeout_s
    )


def _add_charge(group: "argparse._ArgumentGroup") -> None:
    what = group.add_mutually_exclusive_group()
    what.add_argument("--token", default="", help="charge with this token")
    what.add_argument("--remote", action="store_true", help="wait for remote starts")
    what.add_argument("--serve", type=float, metavar="SECONDS")
    group.add_argument(
        "--contract-pki",
        type=Path,
        metavar="FOLDER",
        help="--token is the eMAID of a contract made by v2g contract (2.0.1)",
    )
    group.add_argument(
        "--central", action="store_true", help="the server validates the contract"
    )
    group.add_argument("--charges", type=int, default=1)
    group.add_argument("--connector", type=int, default=1)
    group.add_argument("--energy-wh", type=int, default=5_000, help="0: until full")
    group.add_argument("--idle", dest="idle_s", type=int, default=0, metavar="SECONDS")
    group.add_argument("--stop", choices=("local", "unplug", "server"), default="local")
    group.add_argument("--start-timeout", type=float, default=60.0)
    group.add_argument("--charge-timeout", type=float, default=3_600.0)
    group.add_argument("--battery-wh", type=int, default=60_000)
    group.add_argument("--soc-percent", type=int, default=20)
    group.add_argument("--battery-power-w", type=int, default=11_000)
    group.add_argument("--vehicle-key", metavar="FILE", help="an enrolled key")
    group.add_argument("--api", default="", help="http(s)://host:port of the platform")


def options_of(options: argparse.Namespace) -> StationOptions:
    """Turn parsed options into a station's."""
    names = StationOptions.__dataclass_fields__
    given = {name: value for name, value in vars(options).items() if name in names}
    given["faults"], given["quirks"] = tuple(options.faults), tuple(options.quirks)
    return StationOptions(**given)


def _password(options: argparse.Namespace) -> str:
    if not options.password_file:
        return str(options.password)
    try:
        text = Path(options.password_file).read_text(encoding="utf-8")
    except OSError as error:
        msg = f"The password file cannot be read: {error}."
        raise UnableToUnderstand(msg) from error
    return text.partition("\n")[0].strip()


def _vehicle(options: argparse.Namespace, console: Console) -> SimulatedVehicle | None:
    if not options.vehicle_key:
        return None
    if not options.api:
        msg = "--vehicle-key needs --api, where the vehicle claims."
        raise UnableToUnderstand(msg)
    return SimulatedVehicle(
        api=RestClient(base_url=options.api, ca_file=options.ca_file),
        key=VehicleKey.read(options.vehicle_key),
        battery=_battery(options),
        listener=console.event,
    )


def _battery(options: argparse.Namespace) -> Battery:
    return Battery(
        capacity_wh=options.battery_wh,
        soc_permille=options.soc_percent * 10,
        max_power_w=options.battery_power_w,
    )


def _token(options: argparse.Namespace) -> str | Token:
    if options.contract_pki is None:
        return str(options.token)
    if not options.token or options.ocpp != "2.0.1":
        msg = "--contract-pki needs --ocpp 2.0.1 and the eMAID as --token."
        raise UnableToUnderstand(msg)
    contract = read_contract(options.contract_pki, options.token)
    return contract.token(central=options.central)


def _script(options: argparse.Namespace, console: Console) -> ChargeScript:
    vehicle = _vehicle(options, console)
    return ChargeScript(
        connector=options.connector,
        token=_token(options),
        energy_wh=options.energy_wh,
        idle_s=options.idle_s,
        stop=options.stop,
        vehicle=vehicle,
        battery=None if vehicle else _battery(options),
        start_timeout_s=options.start_timeout,
        charge_timeout_s=options.charge_timeout,
    )


async def _work(options: argparse.Namespace, console: Console) -> int:
    station = SimulatedStation(
        options.url,
        options.identity,
        options.ocpp,
        _password(options),
        options_of(options),
        listener=console.event,
    )
    async with station:
        if options.serve is not None:
            await _serve(station, options, console)
        elif options.token or options.remote:
            for _ in range(options.charges):
                outcome = await run_charge(station, _script(options, console))
                console.result({"event": "charge_done", **outcome.as_json()})
    return ExitCode.OK


async def _serve(
    station: SimulatedStation, options: argparse.Namespace, console: Console
) -> None:
    """Plug a vehicle in wherever the server starts something, and let it charge.

    Charges that run when the time is over come to their end.
    """
    charges = []
    number = 0  # a server may start something while the station still boots
    until_s = time.monotonic() + (options.serve or SERVE_MAX_S)
    while (left_s := until_s - time.monotonic()) > 0:
        try:
            event = await station.wait_for(
                "remote_start", after=number, timeout_s=left_s
            )
        except WaitedTooLong:
            break
        number = event.number
        charges.append(station.spawn(_charge_started(station, event, options, console)))
    await asyncio.gather(*charges)


async def _charge_started(
    station: SimulatedStation,
    event: Event,
    options: argparse.Namespace,
    console: Console,
) -> None:
    number = int(event.data["connector"])
    if station.outlets[number].cable is None:
        await station.plug_in(number, _vehicle(options, console))
    await station.wait_for_remote_start(number, options.start_timeout)
    await station.charge(
        number,
        energy_wh=options.energy_wh or None,
        timeout_s=options.charge_timeout,
    )
    if options.stop == "local":
        await station.stop_local(number)
    elif options.stop == "server":
        await station.wait_for_end(number, options.charge_timeout)
    await station.unplug(number)


def run(argv: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    return run_command(build_parser(), argv, _work)
