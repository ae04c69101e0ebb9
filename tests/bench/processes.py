"""Several gateway processes: what a message costs, and commands between processes."""

import json
import subprocess
import sys

import psutil

from tests.bench.gateway import CONNECTIONS, FIRST, SECONDS
from tests.bench.result import Result, at_most
from tests.bench.world import ROOT, environment, gateway, home, load

COUNTS = (1, 2, 4)
SPREAD = 0.15
"""How much the cost of a message may differ from that with one process."""

COMMAND_STATIONS = 40
COMMANDS = 400
COMMAND_P99_MS = 20.0


def processes(counts=COUNTS, seconds=SECONDS, commands=COMMANDS):
    """CPU of the gateway per durable message, and commands to other processes.

    The machine's cores are shared with PostgreSQL and the load, so messages a second
    say little here; the processor time of the gateway's processes does.
    """
    results, single = [], None
    for count in counts:
        with gateway("--processes", str(count)) as (server, port):
            cost = _cost_us(server.pid, port, seconds)
            told = _command(port, commands)
        single = single or cost
        ratio = round(cost / single, 3)
        reached = None if count == counts[0] else abs(ratio - 1) <= SPREAD
        results += [
            Result(
                *(f"message_cpu_{count}_processes", cost, "us"),
                *(single, ratio, 1 + SPREAD, reached),
            ),
            Result(f"command_{count}_processes_p50", told["p50_ms"], "ms"),
            at_most(
                f"command_{count}_processes_p99",
                told["p99_ms"],
                "ms",
                target=COMMAND_P99_MS,
            ),
        ]
    return results


def _cost_us(pid, port, seconds):
    options = {"connections": CONNECTIONS, "first": FIRST["meter-values"], "warmup": 0}
    load(port, "meter-values", seconds=0.5, **options)
    before = _cpu_s(pid)
    report = load(port, "meter-values", seconds=seconds, **options)
    # With the boot, the start and the stop of each.
    every = report["answers"] + CONNECTIONS * 3
    return round((_cpu_s(pid) - before) / every * 1e6, 1)


def _cpu_s(pid):
    """Processor time of a process and its children, in seconds."""
    parent = psutil.Process(pid)
    times = [each.cpu_times() for each in (parent, *parent.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def _command(port, count):
    arguments = ["-m", "tests.bench.commanding", str(port), str(COMMAND_STATIONS)]
    done = subprocess.run(
        [sys.executable, *arguments, str(count)],
        cwd=ROOT,
        env={**environment(home()), "CPMS_DATABASE_ROLE": "system"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout)
