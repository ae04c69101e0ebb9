"""Queue commands as the web process does, and take the time until stations have them.

    python -m tests.bench.commanding PORT STATIONS COMMANDS

The stations are spread over the gateway's processes by the kernel; this process is none
of them. Prints percentiles as JSON.
"""

import asyncio
import base64
import json
import os
import sys
import time
from datetime import timedelta

import django
import websockets

from simulators.load.report import percentile
from tests.bench.world import PASSWORD

WAIT_S = 30


async def connect(port, identity):
    pair = base64.b64encode(f"{identity}:{PASSWORD}".encode()).decode()
    socket = await websockets.connect(
        f"ws://127.0.0.1:{port}/ocpp/{identity}",
        subprotocols=["ocpp1.6"],
        additional_headers={"Authorization": f"Basic {pair}"},
    )
    boot = {"chargePointVendor": "Bench", "chargePointModel": "One"}
    await socket.send(json.dumps([2, "boot", "BootNotification", boot]))
    return socket


class Station:
    """Answers; notes when the bench's own command came."""

    def __init__(self, socket):
        self.socket = socket
        self.came = None

    async def serve(self):
        async for text in self.socket:
            kind, key, *rest = json.loads(text)
            if kind != 2:
                continue
            if rest[0] == "ClearCache" and self.came is not None:
                self.came.set_result(time.perf_counter())
                self.came = None
                await self.socket.send(f'[3,"{key}",{{"status":"Accepted"}}]')
            else:
                await self.socket.send(f'[4,"{key}","NotImplemented","",{{}}]')


def queue(charge_point_id, number):
    """One row, committed, and the wake-up."""
    from django.utils import timezone  # noqa: PLC0415 - after the set-up

    from charge_points.services import commands  # noqa: PLC0415

    now = timezone.now()
    commands.queue(
        charge_point_id=charge_point_id,
        action="ClearCache",
        payload={},
        by="bench",
        idempotency_key=f"bench-{os.getpid()}-{number}",
        expires_at=now + timedelta(minutes=5),
        at=now,
    )


def ids_of(identities):
    from charge_points.models import ChargePoint  # noqa: PLC0415 - after the set-up

    rows = ChargePoint.objects.filter(identity__in=identities)
    return dict(rows.values_list("identity", "pk"))


async def main(port, stations, count):
    identities = [f"CP{number:05d}" for number in range(1, stations + 1)]
    ids = await asyncio.to_thread(ids_of, identities)
    held = [Station(await connect(port, identity)) for identity in identities]
    served = [asyncio.ensure_future(station.serve()) for station in held]
    await asyncio.sleep(1)  # what the platform asks after a boot is over
    loop, times = asyncio.get_running_loop(), []
    for number in range(count):
        station = held[number % stations]
        came = station.came = loop.create_future()
        began = time.perf_counter()
        await asyncio.to_thread(queue, ids[identities[number % stations]], number)
        times.append(await asyncio.wait_for(came, WAIT_S) - began)
    for station in held:
        await station.socket.close()
    await asyncio.gather(*served, return_exceptions=True)
    times.sort()
    return {
        "p50_ms": round(percentile(times, 500) * 1e3, 2),
        "p99_ms": round(percentile(times, 990) * 1e3, 2),
    }


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cpms.settings.dev")
    django.setup()
    told = asyncio.run(main(*map(int, sys.argv[1:])))
    sys.stdout.write(json.dumps(told))
