"""Benches of the gateway: real processes, real services, answers after the commit."""

import subprocess
import sys
import time
from statistics import median

import psutil

from tests.bench.result import Result, against, at_most
from tests.bench.world import START_S, STATIONS, baseline, gateway, load

KIB = 1024
# Each round runs the baselines and the gateway one after the other, so that what else
# the machine does meets all of them; the median of the rounds counts.
ROUNDS = 3
CONNECTIONS = 500
# The documented server only gets slower with more: this is what it is best at.
DOCUMENTED_CONNECTIONS = 100
SECONDS = 2.0
BASELINE_SECONDS = 1.0
# Each message has stations of its own: their transactions know one version.
FIRST = {"meter-values": 1, "transaction-event": CONNECTIONS + 1}


def durable_meter_values():
    """1.6 MeterValues of 8 samples, stored, against a server that stores nothing."""
    return _durable("meter-values", "1.6", target=4.0)


def durable_transaction_event():
    """2.0.1 TransactionEvent, stored, against a server that stores nothing."""
    return _durable("transaction-event", "2.0.1", target=6.0)


def _durable(message, version, *, target):
    name = f"durable_{message.replace('-', '_')}"
    options = {"connections": CONNECTIONS, "first": FIRST[message]}
    documented_options = {**options, "connections": DOCUMENTED_CONNECTIONS}
    rates = {"documented": [], "bare": [], "ours": []}
    p99 = []
    with (
        baseline("documented", version) as (_, documented),
        baseline("bare") as (_, bare),
        gateway() as (_, ours),
    ):
        for _ in range(ROUNDS):
            report = load(
                documented, message, seconds=BASELINE_SECONDS, **documented_options
            )
            rates["documented"].append(report["messages_per_s"])
            report = load(
                bare, message, seconds=BASELINE_SECONDS, no_boot=True, no_start=True,
                **options,
            )  # fmt: skip
            rates["bare"].append(report["messages_per_s"])
            report = load(ours, message, seconds=SECONDS, **options)
            rates["ours"].append(report["messages_per_s"])
            p99.append(report["latency_ms"]["p99"])
        rate = median(rates["ours"])
        calm = load(ours, message, seconds=SECONDS, rate=rate / 2, **options)
    return [
        against(
            name,
            rate,
            "messages/s",
            baseline=median(rates["documented"]),
            target=target,
        ),
        against(f"{name}_of_bare", rate, "messages/s", baseline=median(rates["bare"])),
        Result(f"{name}_p99", median(p99), "ms"),
        at_most(f"{name}_p99_half_load", calm["latency_ms"]["p99"], "ms", target=50.0),
    ]


def heartbeat():
    """Routed and validated, no database needed, against the bare answer."""
    options = {"connections": 100, "seconds": BASELINE_SECONDS, "no_boot": True}
    rates = {"documented": [], "bare": [], "ours": []}
    with (
        baseline("documented", "1.6") as (_, documented),
        baseline("bare") as (_, bare),
        gateway() as (_, ours),
    ):
        ports = {"documented": documented, "bare": bare, "ours": ours}
        for _ in range(ROUNDS):
            for who, port in ports.items():
                report = load(port, "heartbeat", **options)
                rates[who].append(report["messages_per_s"])
    rate = median(rates["ours"])
    return [
        against("heartbeat", rate, "messages/s", baseline=median(rates["documented"])),
        against(
            "heartbeat_of_bare",
            rate,
            "messages/s",
            baseline=median(rates["bare"]),
            target=0.6,
        ),
    ]


def connections():
    """Memory per connection beyond the process itself, and how fast all come back."""
    count = STATIONS
    with gateway() as (server, port):
        before = resident(server.pid)
        holder = hold(port, count)
        try:
            report = holder.stdout.readline()
            after = resident(server.pid)
        finally:
            holder.stdin.close()
            holder.wait(START_S)
            holder.stdout.close()
    each = (after - before) / count / KIB
    return [
        at_most(f"memory_per_connection_{count}", round(each, 1), "KiB", target=35.0),
        Result(f"reconnect_storm_{count}", float(report), "s"),
    ]


def resident(pid):
    """Memory of a process in bytes, when it has come to rest."""
    time.sleep(0.5)
    return psutil.Process(pid).memory_info().rss


def hold(port, count, *ca_file):
    """Connections with authentication and BootNotification that stay open.

    With ``ca_file`` over TLS.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.hold", str(port), str(count), *ca_file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
