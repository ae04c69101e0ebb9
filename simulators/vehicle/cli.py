"""``python -m simulators vehicle``."""

import argparse
import asyncio
from collections.abc import Sequence

from simulators.console import Console, run_command
from simulators.errors import ExitCode
from simulators.rest import RestClient
from simulators.vehicle.keys import VehicleKey
from simulators.vehicle.proofs import Attack
from simulators.vehicle.vehicle import SimulatedVehicle


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators vehicle",
        description="Keys, enrolment and claims of a vehicle.",
        epilog="Exit codes: 0 done, 2 wrong use, 3 no answer, 4 refused.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    new = _command(commands, "new-key", "make a key file and print its fingerprint")
    new.set_defaults(work=_new_key)
    enrol = _command(commands, "enrol", "register the key with a driver account")
    _api(enrol)
    enrol.add_argument("--token", required=True, help="the driver's API token")
    enrol.add_argument("--label", default="vehicle")
    enrol.add_argument("--csr", action="store_true", help="by certificate request")
    enrol.set_defaults(work=_enrol)
    verify = _command(commands, "verify", "check a station's certificate")
    _api(verify)
    verify.add_argument("--certificate", required=True)
    verify.set_defaults(work=_verify)
    claim = _command(commands, "claim", "claim a station's certificate")
    _api(claim)
    claim.add_argument("--certificate", required=True)
    claim.add_argument("--station", default="", help="as the vehicle sees it")
    claim.add_argument("--max-amount-minor", type=int)
    claim.add_argument("--currency", default="")
    claim.add_argument("--attack", choices=list(Attack), default=Attack.NONE)
    claim.add_argument(
        "--delay", type=float, default=0.0, help="seconds between reading and claiming"
    )
    claim.set_defaults(work=_claim)
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("--key", required=True, metavar="FILE", help="PEM file")
    parser.add_argument("--json", action="store_true", help="JSON lines")
    return parser


def _api(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--api", required=True, help="http(s)://host:port")
    parser.add_argument("--ca", default="", help="PEM file, for https")


def _vehicle(options: argparse.Namespace) -> SimulatedVehicle:
    return SimulatedVehicle(
        api=RestClient(base_url=options.api, ca_file=options.ca),
        key=VehicleKey.read(options.key),
        label=getattr(options, "label", "vehicle"),
    )


async def _new_key(options: argparse.Namespace, console: Console) -> int:
    key = VehicleKey.generate()
    key.write(options.key)
    console.result({"fingerprint": key.fingerprint, "public_key_pem": key.public_pem})
    return ExitCode.OK


async def _enrol(options: argparse.Namespace, console: Console) -> int:
    vehicle = _vehicle(options)
    console.result(
        await asyncio.to_thread(vehicle.enrol, options.token, by_csr=options.csr)
    )
    return ExitCode.OK


async def _verify(options: argparse.Namespace, console: Console) -> int:
    vehicle = _vehicle(options)
    console.result(
        await asyncio.to_thread(vehicle.read_certificate, options.certificate)
    )
    return ExitCode.OK


async def _claim(options: argparse.Namespace, console: Console) -> int:
    vehicle = _vehicle(options)
    vehicle.max_amount_minor = options.max_amount_minor
    vehicle.currency = options.currency
    vehicle.delay_s = options.delay
    vehicle.attack = Attack(options.attack)
    result = await asyncio.to_thread(
        vehicle.claim, options.certificate, station=options.station
    )
    if result.refusal is not None:
        raise result.refusal
    console.result(result.answer)
    return ExitCode.OK


def run(argv: Sequence[str]) -> int:
    """Run the command line and return its exit code."""

    async def work(options: argparse.Namespace, console: Console) -> int:
        return int(await options.work(options, console))

    return run_command(build_parser(), argv, work)
