"""``python -m simulators {charge-point,vehicle,driver,fleet,psp,v2g,load} …``."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from simulators.errors import ExitCode

COMMANDS: Final = {
    "charge-point": (
        "simulators.charge_point.cli",
        "one OCPP 1.6 or 2.0.1 station: boots, charges, misbehaves on request",
    ),
    "vehicle": (
        "simulators.vehicle.cli",
        "keys, enrolment, proofs and claims of a vehicle",
    ),
    "driver": (
        "simulators.driver.cli",
        "a driver at the REST API: sign-up, price, start, stop, receipts",
    ),
    "fleet": ("simulators.fleet.cli", "many stations that charge at random"),
    "psp": ("simulators.psp", "a payment provider over HTTP"),
    "v2g": (
        "simulators.v2g.cli",
        "a V2G test PKI: contract certificates and an OCSP responder",
    ),
    "load": ("simulators.load.cli", "raw OCPP frames as fast as a server answers"),
}


def usage() -> str:
    """Return the overview of all commands."""
    lines = ["usage: python -m simulators COMMAND [options]", "", "commands:"]
    lines += [f"  {name:<14}{text}" for name, (_, text) in COMMANDS.items()]
    codes = ", ".join(f"{code.value} {code.words}" for code in ExitCode)
    return "\n".join([*lines, "", "COMMAND --help tells more.", f"exit codes: {codes}"])


def main(argv: Sequence[str]) -> int:
    """Run one simulator and return its exit code (`simulators.errors.ExitCode`)."""
    if not argv or argv[0] in {"-h", "--help"}:
        sys.stdout.write(usage() + "\n")
        return ExitCode.OK if argv else ExitCode.USAGE
    if argv[0] not in COMMANDS:
        sys.stderr.write(f"no simulator is called {argv[0]!r}\n\n{usage()}\n")
        return ExitCode.USAGE
    module = import_module(COMMANDS[argv[0]][0])
    return int(module.run(list(argv[1:])) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
