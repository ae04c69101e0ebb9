"""The demo from start to proof."""

import argparse
import asyncio
import json
import secrets
import shlex
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from simulators.demo import report, scenes
from simulators.demo.provider import Provider
from simulators.demo.report import say
from simulators.demo.system import System
from simulators.errors import ExitCode, SimulatorError
from simulators.vehicle import SimulatedVehicle

ROOT: Final = Path(__file__).resolve().parents[2]
OPERATORS: Final = ("north", "south")
TOKEN_STATIONS: Final = ("S-16", "S-202")
"""They know nothing of our extension: stock chargers."""


def parser() -> argparse.ArgumentParser:
    """The command line of the demo."""
    found = argparse.ArgumentParser(
        prog="python -m simulators.demo",
        description="Run the whole chain on this machine and prove it.",
    )
    found.add_argument(
        "--keep", action="store_true", help="leave it running until Ctrl-C"
    )
    found.add_argument(
        "--home",
        type=Path,
        default=ROOT / ".cpms" / "demo",
        help="where its database and logs live; emptied first",
    )
    found.add_argument(
        "--result",
        type=Path,
        default=ROOT / ".cpms" / "demo.json",
        help="where the result is written as JSON",
    )
    return found


def run(argv: Sequence[str]) -> int:
    """Run the demo; returns 0 only when everything is as it must be."""
    arguments = parser().parse_args(argv)
    system = System(ROOT, arguments.home.resolve())
    began = time.monotonic()
    try:
        network = _start(system, began)
        result = asyncio.run(_play(system, network, began))
        arguments.result.parent.mkdir(parents=True, exist_ok=True)
        arguments.result.write_text(json.dumps(result, indent=1) + "\n")
        say(f"\nThe result is in {arguments.result}.")
        if arguments.keep:
            _keep(system, network)
        return ExitCode.OK if result["ok"] else ExitCode.FAILED
    except SimulatorError as error:
        say(f"\nThe demo failed: {error}")
        say(f"Logs: {system.home / 'log'} and {system.home / 'demo.log'}")
        return ExitCode.FAILED
    finally:
        system.stop()


def _progress(began: float, text: str) -> None:
    say(f"[{time.monotonic() - began:5.1f} s] {text}")


def _start(system: System, began: float) -> dict[str, Any]:
    _progress(began, "starting PostgreSQL, Valkey and the payment provider")
    system.wipe()
    system.start_provider()
    _progress(began, "starting gateway, web, worker, beat and relay")
    system.start()
    _progress(began, "two operators open their own accounts at the provider")
    provider = Provider(system.psp_url, system.psp_key)
    payees = [
        f"--payee={code}={provider.open_account(f'{code}@example.org')}"
        for code in OPERATORS
    ]
    return system.manage("seed_demo", *payees)


async def _play(
    system: System, network: dict[str, Any], began: float
) -> dict[str, Any]:
    places = scenes.places_of(network, system.web_url)
    _progress(began, "drivers sign up, vehicles are enrolled, stations boot")
    anna = await asyncio.to_thread(scenes.open_account, system.web_url, "anna")
    ben = await asyncio.to_thread(scenes.open_account, system.web_url, "ben")
    cars = [
        await asyncio.to_thread(
            scenes.vehicle_of, account, system.web_url, f"car-{number}"
        )
        for number, account in enumerate((anna, ben, anna))
    ]
    tokens = [
        await asyncio.to_thread(_token_of, system, account) for account in (anna, ben)
    ]
    stations = {
        name: scenes.station(place, system.ocpp_url)
        if name not in TOKEN_STATIONS
        else scenes.station(
            place, system.ocpp_url, stock=True, behind_s=scenes.TOKEN_BEHIND_S
        )
        for name, place in places.items()
    }
    try:
        await asyncio.gather(*(station.start() for station in stations.values()))
        _progress(began, "one charge, step by step:")
        first = await scenes.by_certificate(
            places["N-16"], stations["N-16"], cars[0], outlet=1, energy_wh=3_000,
            say=lambda text: _progress(began, f"  {text}"),
        )  # fmt: skip
        _progress(began, "every other way to start, over both OCPP versions:")
        for text in _WAYS:
            say(f"            {text}")
        others = await _others(places, stations, cars, ben, tokens)
        places_of = {first: "N-16", **others}
        for number, name in places_of.items():
            await scenes.until_final(places[name].operator, number)
    finally:
        await asyncio.gather(*(station.close() for station in stations.values()))
    return _prove(system, network, places, places_of, began)


_WAYS: Final = (
    "vehicle with certificate, 2.0.1",
    "RFID or app token",
    "driver's app (REST)",
    "guest at the QR code, without an account",
    "operator's remote start; what it costs is owed to the operator",
    "token at a station whose line is down, told when it is back",
)


async def _others(
    places: dict[str, scenes.Place],
    stations: dict[str, Any],
    cars: list[SimulatedVehicle],
    ben: scenes.Account,
    tokens: list[str],
) -> dict[str, str]:
    """All at the same time; order number -> charge point."""
    n201, n16 = places["N-201"], places["N-16"]
    north = asyncio.gather(
        scenes.by_certificate(
            n201, stations["N-201"], cars[2], outlet=1, energy_wh=2_500
        ),
        scenes.by_guest(
            n201, stations["N-201"], n201.operator.base_url, outlet=2, energy_wh=2_000
        ),
        scenes.by_driver_api(n16, stations["N-16"], ben, outlet=2, energy_wh=1_500),
        scenes.by_operator(n16, stations["N-16"], outlet=1, energy_wh=1_000),
    )
    there = ("N-201", "N-201", "N-16", "N-16")
    south, found = await asyncio.gather(
        _south(places, stations, cars[1], tokens), north
    )
    return {**south, **dict(zip(found, there, strict=True))}


async def _south(
    places: dict[str, scenes.Place],
    stations: dict[str, Any],
    car: SimulatedVehicle,
    tokens: list[str],
) -> dict[str, str]:
    """The last one needs a token and a line that the first ones use."""
    s201 = places["S-201"]
    first = await asyncio.gather(
        scenes.by_certificate(s201, stations["S-201"], car, outlet=1, energy_wh=3_500),
        scenes.by_token(places["S-16"], stations["S-16"], tokens[0], outlet=1),
        scenes.by_token(places["S-202"], stations["S-202"], tokens[1], outlet=1),
    )
    offline = await scenes.by_offline_token(
        s201, stations["S-201"], tokens[1], outlet=2, energy_wh=1_200
    )
    there = ("S-201", "S-16", "S-202", "S-201")
    return dict(zip((*first, offline), there, strict=True))


def _token_of(system: System, account: scenes.Account) -> str:
    """A token whose charges the account pays."""
    token = secrets.token_hex(7).upper()
    told = system.manage(
        *["create_id_token", "--token", token, "--status", "Accepted"],
        *["--driver", account.email],
    )
    if told["exit_code"]:
        raise SimulatorError(f"create_id_token refused: {told}")
    return token


def _prove(
    system: System,
    network: dict[str, Any],
    places: dict[str, scenes.Place],
    numbers: dict[str, str],
    began: float,
) -> dict[str, Any]:
    versions = {name: place.version for name, place in places.items()}
    rows = [
        report.order_row(places[name].operator, number, versions)
        for number, name in numbers.items()
    ]
    accounts = {o["name"]: o["account"] for o in network["operators"]}
    books = Provider(system.psp_url, system.psp_key).books()
    ledger = system.manage("ledger_verify")
    found = report.faults(rows, accounts, ledger, books)
    _progress(began, "the orders:")
    say("\n" + report.table(rows) + "\n")
    say(f"ledger: {json.dumps(ledger)}")
    for name, account in accounts.items():
        say(f"provider, {name} {account}: {json.dumps(books['accounts'].get(account))}")
    say(f"provider, platform: {json.dumps(books['platform'])}")
    for fault in found:
        say(f"WRONG: {fault}")
    say("\nEverything agrees." if not found else f"\n{len(found)} things are wrong.")
    return {
        "ok": not found,
        "faults": found,
        "orders": rows,
        "ledger": {
            "balanced": ledger.get("exit_code") == 0,
            "platform_held_minor": ledger.get("platform_held_minor", 0),
        },
        "provider": {
            account: books["accounts"].get(account) for account in accounts.values()
        },
    }


def _plugged_in(system: System, network: dict[str, Any]) -> str:
    """The command that lets a vehicle wait for its start at the first charger."""
    point = network["operators"][0]["charge_points"][0]
    return shlex.join(
        [
            *[".venv/bin/python", "-m", "simulators", "charge-point"],
            *["--url", system.ocpp_url, "--identity", point["identity"]],
            *["--password", point["password"], "--ocpp", point["version"]],
            *["--stock", "--remote", "--start-timeout", "3600", "--stop", "server"],
            *["--evses", str(len(point["connector_codes"])), "--charges", "99"],
        ]
    )


def _keep(system: System, network: dict[str, Any]) -> None:
    say("\nIt stays up until Ctrl-C:")
    say(f"  admin      {system.web_url}/admin/")
    say(f"             {network['admin']['email']}  {network['admin']['password']}")
    for operator in network["operators"]:
        staff = operator["staff"]
        say(f"             {staff['email']}  {staff['password']}")
        say(f"  API key    {operator['code']}  {operator['api_key']}")
        for point in operator["charge_points"]:
            say(
                f"  charger    {system.ocpp_url}/{point['identity']}  "
                f"OCPP {point['version']}  password {point['password']}"
            )
            say(f"  QR label   {system.web_url}/q/{point['connector_codes'][0]}")
    say(f"  drivers    {system.web_url}/")
    say(f"  API        {system.web_url}/api/docs/")
    say("\nTo charge with a phone, plug a simulated vehicle in:")
    say(f"  {_plugged_in(system, network)}")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
