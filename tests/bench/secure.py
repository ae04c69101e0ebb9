"""Connections over TLS: memory of each, and how fast all come back."""

import shutil
import tempfile
from pathlib import Path

from tests.bench.gateway import KIB, hold, resident
from tests.bench.result import at_most
from tests.bench.world import START_S, STATIONS, free_port, gateway
from tests.integration.gateway.authority import Authority

MEMORY_KIB = 65.0
STORM_S = 30.0
STORM_STATIONS = 10_000
"""What the target of the storm is meant for; fewer have less time."""


def secure_connections(count=STATIONS):
    """As ``connections``, over wss with P-256 certificates."""
    folder = Path(tempfile.mkdtemp(prefix="cpms-bench-tls-"))
    try:
        authority = Authority(folder)
        certificate, key = authority.issue("127.0.0.1", ip=("127.0.0.1",))
        port = free_port()
        options = ("--tls-port", port, "--tls-cert", certificate, "--tls-key", key)
        with gateway(*map(str, options)) as (server, _):
            before = resident(server.pid)
            holder = hold(port, count, str(authority.path))
            try:
                report = holder.stdout.readline()
                after = resident(server.pid)
            finally:
                holder.stdin.close()
                holder.wait(START_S)
                holder.stdout.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    each = round((after - before) / count / KIB, 1)
    allowed = STORM_S * count / STORM_STATIONS
    return [
        at_most(
            f"memory_per_secure_connection_{count}", each, "KiB", target=MEMORY_KIB
        ),
        at_most(f"secure_reconnect_storm_{count}", float(report), "s", target=allowed),
    ]
