"""``python -m simulators fleet``."""

import argparse
from collections.abc import Sequence
from typing import Any, Final

from simulators.console import Console, run_command
from simulators.errors import ExitCode, UnableToUnderstand
from simulators.fleet.plan import FleetPlan, numbered_stations
from simulators.fleet.run import FleetSummary, run_fleet

EPILOG: Final = """\
The file of --plan is a JSON object with the members of a fleet:
  {"url": "ws://127.0.0.1:9000/ocpp",
   "stations": [{"identity": "CP1", "version": "2.0.1", "password": "…",
                 "evses": 2, "stock": false}],
   "tokens": ["TAG1"], "arrivals_per_minute": 60, "duration_s": 30,
   "certificate_per_mille": 300, "vehicle_keys": ["car.pem"],
   "api": "http://127.0.0.1:8000", "seed": 1}
Flags win over the file. Exit codes: 0 every charge ended well, 1 some failed,
2 wrong use, 3 no station came online."""

# Flags that replace a member of the plan: name, type, help.
MEMBERS: Final[tuple[tuple[str, type, str], ...]] = (
    ("url", str, "ws(s)://host:port/ocpp"),
    ("duration_s", float, "real seconds in which vehicles arrive"),
    ("arrivals_per_minute", float, "vehicles over the whole fleet"),
    ("charges_max", int, "no more vehicles than this; 0: no limit"),
    ("seed", int, "the same seed gives the same fleet"),
    ("api", str, "http(s)://host:port where vehicles claim"),
    ("certificate_per_mille", int, "share of charges by certificate"),
    ("energy_wh_min", int, "least energy of a charge"),
    ("energy_wh_max", int, "most energy of a charge"),
    ("time_scale", int, "station seconds per real second while charging"),
    ("behind_s", int, "how far in the past the stations begin"),
    ("meter_interval_s", int, "station seconds between samples"),
    ("drops_per_mille", int, "charges whose line is cut in the middle"),
    ("start_timeout_s", float, "limit of a start, real seconds"),
    ("charge_timeout_s", float, "limit of a charge, real seconds"),
    ("connect_parallel", int, "stations that connect at a time"),
    ("ca_file", str, "PEM file, for wss and https"),
)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators fleet",
        description="Many stations at which vehicles arrive at random.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--plan", metavar="FILE", help="JSON description")
    parser.add_argument("--stations", type=int, default=0, help="make so many")
    parser.add_argument("--identity-prefix", default="CP")
    parser.add_argument("--identity-digits", type=int, default=5)
    parser.add_argument("--password", default="", help="of every made station")
    parser.add_argument(
        "--share-201",
        type=int,
        default=500,
        metavar="PER_MILLE",
        help="how many of the made stations speak 2.0.1 (the first ones)",
    )
    parser.add_argument("--token", dest="tokens", action="append", default=[])
    parser.add_argument("--vehicle-key", dest="vehicle_keys", action="append")
    for name, kind, text in MEMBERS:
        flag = "--" + name.removesuffix("_s").removesuffix("_file").replace("_", "-")
        parser.add_argument(flag, dest=name, type=kind, help=text)
    parser.add_argument("--events", action="store_true", help="print every event")
    parser.add_argument("--json", action="store_true", help="JSON lines only")
    return parser


def plan_of(options: argparse.Namespace) -> FleetPlan:
    """Turn parsed options into a plan.

    Raises:
        UnableToUnderstand: something needed is missing, or does not fit.
    """
    given: dict[str, Any] = {
        name: getattr(options, name)
        for name, _, _ in MEMBERS
        if getattr(options, name) is not None
    }
    if options.tokens:
        given["tokens"] = options.tokens
    if options.vehicle_keys:
        given["vehicle_keys"] = options.vehicle_keys
    if options.plan:
        return FleetPlan.read(options.plan, **given)
    if "url" not in given or not options.stations:
        msg = "Say --plan FILE, or --url and --stations."
        raise UnableToUnderstand(msg)
    plan = FleetPlan.of({**given, "stations": [{"identity": "-"}]})
    stations = numbered_stations(
        count=options.stations,
        prefix=options.identity_prefix,
        digits=options.identity_digits,
        password=options.password,
        share_201_per_mille=options.share_201,
    )
    return plan.with_stations(stations)


def progress_line(summary: FleetSummary) -> str:
    """Return the line that people watch."""
    failed = sum(summary.failures.values())
    return (
        f"{summary.online}/{summary.stations} online, {summary.arrived} arrived,"
        f" {summary.under_way} charging, {summary.completed} done, {failed} failed"
    )


async def _work(options: argparse.Namespace, console: Console) -> int:
    summary = await run_fleet(
        plan_of(options),
        listener=console.event if options.events else None,
        progress=lambda state: console.progress(progress_line(state)),
    )
    console.progress("")
    console.result(summary.as_json())
    return ExitCode.OK if summary.ok else ExitCode.FAILED


def run(argv: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    return run_command(build_parser(), argv, _work)
