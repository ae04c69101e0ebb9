"""Hold many booted connections until standard input ends.

    python -m tests.bench.hold PORT COUNT [CA]

Over TLS where the file of an authority to trust is given.
Prints the seconds from the first connect to the last accepted boot.
"""

import asyncio
import resource
import ssl
import sys
import time

import uvloop

from simulators.load.connection import Connection, Tally
from simulators.load.plan import Plan
from simulators.load.scenarios import Scenario
from tests.bench.world import PASSWORD, TOKEN

PARALLEL = 500
PARALLEL_TLS = 150
"""The gateway lets 200 connections of one address be on their way at a time."""


async def main(port, count, ca_file=None):
    tls = ssl.create_default_context(cafile=ca_file) if ca_file else None
    plan = Plan(
        url=f"ws{'s' if tls else ''}://127.0.0.1:{port}/ocpp",
        message="heartbeat",
        connections=count,
        password=PASSWORD,
        token=TOKEN,
    )
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(PARALLEL_TLS if tls else PARALLEL)
    tally = Tally()

    async def come(index):
        scenario = Scenario(plan, plan.identity(index))
        connection = Connection(plan, scenario, tally)
        async with gate:
            await loop.create_connection(lambda: connection, "127.0.0.1", port, ssl=tls)
            await connection.ready
            await connection.run(scenario.prepare())
        return connection

    started = time.perf_counter()
    held = await asyncio.gather(*(come(index) for index in range(count)))
    sys.stdout.write(f"{time.perf_counter() - started:.3f}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    for connection in held:
        connection.close()
    await asyncio.sleep(0.1)


if __name__ == "__main__":
    wanted = int(sys.argv[2]) + 100
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
