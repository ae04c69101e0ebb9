"""``python -m simulators load``."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from simulators.errors import ExitCode, SimulatorError, UnableToUnderstand
from simulators.load.plan import MESSAGES, Plan
from simulators.load.report import Report
from simulators.load.runner import run_plan

DEFAULTS = Plan(url="")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators load",
        description="Send raw OCPP frames over many connections and measure.",
        epilog="Exit code 1: some call was answered with an error or not at all.",
    )
    parser.add_argument("--url", required=True, help="ws(s)://host:port/ocpp")
    parser.add_argument("--message", choices=MESSAGES, default=DEFAULTS.message)
    parser.add_argument("--ocpp", choices=("1.6", "2.0.1"), default="")
    _number(parser, "connections", int, "stations at a time")
    _number(parser, "seconds", float, "measured time")
    _number(parser, "warmup_s", float, "unmeasured time before")
    _number(parser, "rate", float, "messages per second over all; 0: closed loop")
    parser.add_argument("--identity-prefix", default=DEFAULTS.identity_prefix)
    _number(parser, "identity_digits", int, "CP00001 has 5")
    _number(parser, "first", int, "number of the first station")
    parser.add_argument("--password", default="", help="of every station")
    parser.add_argument(
        "--passwords", metavar="FILE", help="lines of: identity password"
    )
    parser.add_argument(
        "--token",
        default=DEFAULTS.token,
        help="starts transactions; {identity} is replaced (%(default)s)",
    )
    parser.add_argument("--no-boot", dest="boot", action="store_false")
    parser.add_argument("--no-start", dest="start", action="store_false")
    parser.add_argument(
        "--leave-open",
        dest="finish",
        action="store_false",
        help="do not end the transactions",
    )
    _number(parser, "samples_per_charge", int, "meter values within one charge")
    _number(parser, "behind_s", int, "how far in the past station clocks begin")
    _number(parser, "connect_parallel", int, "handshakes at a time")
    parser.add_argument("--ca", dest="ca_file", default="", help="PEM file, for wss")
    _number(parser, "answer_timeout_s", float, "wait for the last answers")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return parser


def _number(
    parser: argparse.ArgumentParser, name: str, kind: type[int] | type[float], text: str
) -> None:
    default = getattr(DEFAULTS, name)
    flag = "--" + name.removesuffix("_s").replace("_", "-")
    parser.add_argument(
        flag, dest=name, type=kind, default=default, help=f"{text} ({default})"
    )


def plan_of(options: argparse.Namespace) -> Plan:
    """Turn parsed options into a plan."""
    values = {**vars(options)}
    values.pop("json")
    path = values.pop("passwords")
    return Plan(**values, passwords=read_passwords(path) if path else {})


def read_passwords(path: str) -> dict[str, str]:
    """Read lines of ``identity password``.

    Raises:
        UnableToUnderstand: the file is missing or a line has not two words.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        msg = f"The password file cannot be read: {error}."
        raise UnableToUnderstand(msg) from error
    pairs = [tuple(line.split()) for line in lines if line.strip()]
    wrong = [number for number, pair in enumerate(pairs, 1) if len(pair) != 2]
    if wrong:
        msg = f"{path}: entry {wrong[0]} is not: identity password."
        raise UnableToUnderstand(msg)
    return {pair[0]: pair[1] for pair in pairs}


def run(argv: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    try:
        options = build_parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        report = run_plan(plan_of(options))
    except SimulatorError as error:
        if options.json:
            sys.stdout.write(json.dumps({"ok": False, "error": str(error)}) + "\n")
        else:
            sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    if options.json:
        sys.stdout.write(json.dumps(report.as_json()) + "\n")
    else:
        sys.stdout.write(describe(report))
    return ExitCode.OK if report.ok else ExitCode.FAILED


def describe(report: Report) -> str:
    """Return the report for people."""
    latency = report.latency_ms
    shown = {name: latency[name] for name in ("p50", "p90", "p99", "max")}
    words = ", ".join(f"{name} {value}" for name, value in shown.items())
    lines = [
        f"{report.message} (OCPP {report.ocpp}, {report.frame_bytes} bytes)",
        f"  over {report.connections} connections for {report.seconds} s",
        f"  {report.messages_per_s:,.1f} messages/s, {report.answers:,} answers",
        f"  latency ms: {words}",
        f"  client CPU {report.client_cpu_us} us per message",
        f"  connected in {report.connect_s} s, prepared in {report.prepare_s} s",
    ]
    if report.message == "charge":
        lines.insert(3, f"  {report.units_per_s:,.1f} charges/s, {report.units:,} done")
    lines += [f"  error: {name} × {count}" for name, count in report.errors.items()]
    return "\n".join(lines) + "\n"
