"""``python -m simulators driver``."""

import argparse
import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Final

from simulators.console import Console, run_command
from simulators.driver.driver import SimulatedDriver
from simulators.errors import ExitCode, UnableToUnderstand
from simulators.rest import RestClient
from simulators.shapes import JsonValue

TOKEN_VARIABLE: Final = "CPMS_DRIVER_TOKEN"  # noqa: S105 - a variable's name

Work = Callable[[SimulatedDriver, argparse.Namespace], JsonValue]


def _stop(driver: SimulatedDriver, options: argparse.Namespace) -> JsonValue:
    driver.stop(options.order)
    return {"order": options.order, "stop": "asked"}


def _log_out(driver: SimulatedDriver, _: argparse.Namespace) -> JsonValue:
    driver.log_out()
    return {"token": None}


COMMANDS: Final[dict[str, tuple[str, tuple[str, ...], Work]]] = {
    "sign-up": (
        "open an account; prints its token",
        ("email", "password"),
        lambda driver, o: driver.sign_up(o.email, o.password),
    ),
    "log-in": (
        "get a token",
        ("email", "password"),
        lambda driver, o: driver.log_in(o.email, o.password),
    ),
    "log-out": ("give the token back", (), _log_out),
    "me": ("the account", (), lambda driver, _: driver.me()),
    "vehicles": ("enrolled vehicles", (), lambda driver, _: driver.vehicles()),
    "add-payment-method": (
        "save a payment method, for example pm_card_visa",
        ("payment_method", "provider"),
        lambda driver, o: driver.add_payment_method(o.payment_method, o.provider),
    ),
    "payment-methods": (
        "saved payment methods",
        (),
        lambda driver, _: driver.payment_methods(),
    ),
    "price": (
        "what a charge costs",
        ("connector_code", "certificate"),
        lambda driver, o: driver.price(
            connector=o.connector_code, certificate=o.certificate
        ),
    ),
    "claim": (
        "claim a certificate with the phone",
        ("certificate",),
        lambda driver, o: driver.claim(o.certificate),
    ),
    "start": (
        "start a charge by place or code",
        ("charge_point", "evse", "connector", "connector_code"),
        lambda driver, o: driver.start(
            o.charge_point, o.evse, o.connector, connector_code=o.connector_code
        ),
    ),
    "stop": ("end a charge", ("order",), _stop),
    "live": (
        "the running charge",
        ("order",),
        lambda driver, o: driver.live(o.order),
    ),
    "orders": ("all orders", (), lambda driver, _: driver.orders()),
    "order": ("one order", ("order",), lambda driver, o: driver.order(o.order)),
    "receipts": ("all receipts", (), lambda driver, _: driver.receipts()),
    "receipt": (
        "one order's receipt",
        ("order",),
        lambda driver, o: driver.receipt(o.order),
    ),
}
REQUIRED: Final = frozenset({"email", "password", "order", "payment_method"})
NUMBERS: Final = frozenset({"evse", "connector"})
DEFAULTS: Final = {"provider": "stripe"}
WITHOUT_TOKEN: Final = frozenset({"sign-up", "log-in"})


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators driver",
        description="A driver at the REST API.",
        epilog="Exit codes: 0 done, 2 wrong use, 3 no answer, 4 refused.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (text, arguments, _) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--api", required=True, help="http(s)://host:port")
        command.add_argument("--ca", default="", help="PEM file, for https")
        command.add_argument("--json", action="store_true", help="one JSON object")
        if name not in WITHOUT_TOKEN:
            command.add_argument(
                "--token",
                default=os.environ.get(TOKEN_VARIABLE, ""),
                help=f"the driver's API token (or {TOKEN_VARIABLE})",
            )
        for argument in arguments:
            command.add_argument(
                "--" + argument.replace("_", "-"),
                required=argument in REQUIRED,
                type=int if argument in NUMBERS else str,
                default=0 if argument in NUMBERS else DEFAULTS.get(argument, ""),
            )
    return parser


async def _work(options: argparse.Namespace, console: Console) -> int:
    driver = SimulatedDriver(RestClient(base_url=options.api, ca_file=options.ca))
    if options.command not in WITHOUT_TOKEN:
        if not options.token:
            msg = f"Say --token, or set {TOKEN_VARIABLE} (sign-up prints one)."
            raise UnableToUnderstand(msg)
        driver.token = options.token
    work = COMMANDS[options.command][2]
    console.result(await asyncio.to_thread(work, driver, options))
    return ExitCode.OK


def run(argv: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    return run_command(build_parser(), argv, _work)
