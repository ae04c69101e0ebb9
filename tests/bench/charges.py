"""Whole charges: boot, plug in, authorize, start, meter, stop, unplug; all durable."""

from tests.bench.gateway import CONNECTIONS, FIRST
from tests.bench.result import Result, at_least
from tests.bench.world import gateway, load

STATIONS = 200
SECONDS = 10.0
TARGET_PER_S = 300
SAMPLES = 4
MESSAGES = {"1.6": FIRST["meter-values"], "2.0.1": FIRST["transaction-event"]}


def whole_charges(seconds=SECONDS, stations=STATIONS):
    """Charges a second of 200 stations, with every event in the outbox.

    What workers do with the events afterwards is measured by ``settling``.
    """
    assert stations <= CONNECTIONS
    results = []
    with gateway() as (_, port):
        for version, first in MESSAGES.items():
            report = load(
                port,
                "charge",
                connections=stations,
                seconds=seconds,
                first=first,
                ocpp=version,
                samples_per_charge=SAMPLES,
            )
            name = f"whole_charges_{version}"
            rate = report["units_per_s"]
            results += [
                at_least(name, rate, "charges/s", target=TARGET_PER_S),
                Result(f"{name}_messages", report["messages_per_s"], "messages/s"),
                Result(f"{name}_p99", report["latency_ms"]["p99"], "ms"),
            ]
    return results
