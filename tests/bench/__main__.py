"""Measure: ``python -m tests.bench [--only NAME] [--json .cpms/bench.json]``.

Every bench runs its baseline beside it, on the same machine and with the same load.
"""

import argparse
import sys
from pathlib import Path

from tests.bench import (
    charges,
    gateway,
    ledger,
    plug_ins,
    processes,
    rating,
    secure,
    settling,
)
from tests.bench.result import keep, table

BENCHES = {
    "durable_meter_values": gateway.durable_meter_values,
    "durable_transaction_event": gateway.durable_transaction_event,
    "heartbeat": gateway.heartbeat,
    "connections": gateway.connections,
    "secure_connections": secure.secure_connections,
    "whole_charges": charges.whole_charges,
    "processes": processes.processes,
    "rating": rating.rating,
    "ledger": ledger.ledger,
    "settling": settling.settling,
    "plug_ins": plug_ins.plug_ins,
}


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=BENCHES, default=[])
    parser.add_argument("--json", type=Path, default=Path(".cpms/bench.json"))
    options = parser.parse_args(arguments)
    results = []
    for name in options.only or BENCHES:
        sys.stderr.write(f"{name} …\n")
        found = BENCHES[name]()
        keep(options.json, found)
        results += found
    sys.stdout.write(f"{table(results)}\n")
    return 0 if all(result.pass_ is not False for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
