"""The command's supervisor: children that die, signals, options."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from redis import Redis
from websockets.exceptions import ConnectionClosed

from charge_points.gateway.presence import parse_lease
from charge_points.models import ChargePoint, MessageLog
from tests.integration.gateway.authority import Authority
from tests.integration.gateway.processes import ROOT, client, gateway, network
from tests.integration.gateway.world import BOOT, PATIENCE_S, call, meter, run, until

__all__ = ["network"]
pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_a_killed_process_is_started_again_and_its_stations_come_back(
    network, redis_url
):
    async def connect_all(ready):
        sockets = {}
        for number in range(8):
            identity = f"CP-{number}"
            sockets[identity] = await client(ready, identity, open_timeout=PATIENCE_S)
            assert (await call(sockets[identity], "BootNotification", BOOT))[0] == 3
        return sockets

    async def main(ready):
        sockets = await connect_all(ready)
        victim = ready["pids"][0]
        os.kill(victim, signal.SIGKILL)
        await until(lambda: not alive(victim), "the victim is dead")
        # Every station whose connection broke, comes back at once.
        for identity, socket in sockets.items():
            try:
                await call(socket, "Heartbeat", {})
            except ConnectionClosed:
                sockets[identity] = await client(ready, identity)
        for socket in sockets.values():
            assert (await call(socket, "MeterValues", meter(1)))[0] == 3
        # The second signal finds two children again.
        await until(lambda: count_children(ready) == 2, "two children serve")
        for socket in sockets.values():
            await socket.close()

    with gateway(redis_url, "--processes=2") as (process, ready):
        ready["supervisor"] = process.pid
        run(main(ready))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def count_children(ready):
    path = Path(f"/proc/{ready['supervisor']}/task/{ready['supervisor']}/children")
    return len(path.read_text().split())


def test_children_end_when_their_supervisor_is_killed(network, redis_url):
    with gateway(redis_url, "--processes=2") as (process, ready):
        process.kill()
        process.wait()
        deadline = time.monotonic() + PATIENCE_S
        while any(alive(pid) for pid in ready["pids"]):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_sigterm_drains_and_leaves_the_leases(network, redis_url):
    async def main(process, ready):
        async with client(ready, "CP-1") as socket:
            await call(socket, "BootNotification", BOOT)
            redis = Redis.from_url(redis_url, decode_responses=True)
            key = ChargePoint.objects.values_list("pk", flat=True)
            key = await asyncio.to_thread(lambda: key.get(identity="CP-1"))
            await until(lambda: redis.exists(f"cpms:presence:{key}"), "the lease")
            for i in range(20):
                await socket.send(json.dumps([2, str(i), "MeterValues", meter(1)]))
            process.send_signal(signal.SIGTERM)
            answered = []
            with suppress(ConnectionClosed):
                while True:
                    answered.append(json.loads(await socket.recv()))
            lease = parse_lease(redis.get(f"cpms:presence:{key}"))
            redis.close()
            return answered, socket.close_code, lease.generation

    with gateway(redis_url) as (process, ready):
        answered, code, generation = run(main(process, ready))
        assert process.wait(PATIENCE_S) == 0
    connection.close()
    assert code == 1001
    assert all(frame[0] == 3 for frame in answered)
    logged = MessageLog.objects.filter(action="MeterValues").count()
    assert logged == len(answered)
    assert generation == 1


def test_wrong_options_are_refused_with_a_word_on_what_to_do(redis_url, tmp_path):
    def error_of(*options):
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "cpms.settings.dev",
            "CPMS_HOME": str(settings.CPMS_HOME),
        }
        done = subprocess.run(
            [sys.executable, "manage.py", "ocpp_gateway", "--port=0", *options],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in {1, 2}
        return done.stderr

    certificate, key = Authority(tmp_path).issue("gateway")
    assert "--processes must be at least 1" in error_of("--processes=0")
    assert "--tls-cert" in error_of("--tls-port=0")
    assert "must be an address or a network" in error_of("--trusted-proxy=x")
    files = (f"--tls-cert={certificate}", f"--tls-key={tmp_path / 'no.key'}")
    assert "no.key" in error_of("--tls-port=0", *files)
    assert key.exists()


def test_the_ready_file_and_tls_port_are_announced(network, redis_url, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("gateway", ip=["127.0.0.1"])
    ready_file = tmp_path / "ready.json"
    options = (
        "--processes=2",
        "--tls-port=0",
        f"--tls-cert={certificate}",
        f"--tls-key={key}",
        f"--ready-file={ready_file}",
    )

    async def main(ready):
        import ssl  # noqa: PLC0415

        context = ssl.create_default_context(cafile=authority.path)
        url = f"wss://127.0.0.1:{ready['tls_port']}/ocpp/CP-1"
        async with client(ready, "CP-1", url=url, ssl=context) as socket:
            return await call(socket, "BootNotification", BOOT)

    with gateway(redis_url, *options) as (_, ready):
        assert json.loads(ready_file.read_text()) == ready
        assert run(main(ready))[2]["status"] == "Accepted"


def test_connections_spread_over_the_processes(network, redis_url):
    async def main(ready):
        sockets = [await client(ready, f"CP-{number}") for number in range(8)]
        redis = Redis.from_url(redis_url, decode_responses=True)
        await until(lambda: len(redis.keys("cpms:presence:*")) == 8, "all leases")
        leases = [parse_lease(redis.get(key)) for key in redis.keys("cpms:presence:*")]
        redis.close()
        for socket in sockets:
            await socket.close()
        return Counter(lease.process for lease in leases)

    with gateway(redis_url, "--processes=2") as (_, ready):
        spread = run(main(ready))
    assert sum(spread.values()) == 8
    assert {process.split("-")[1] for process in spread} <= set(map(str, ready["pids"]))
