"""The command itself: real processes on the real services."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from redis import Redis
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from charge_points.gateway.presence import parse_lease
from charge_points.models import (
    ChargePoint,
    Command,
    MessageLog,
    QuirkCount,
    SecurityEvent,
)
from charge_points.services import commands, id_tokens, provisioning
from cpms.accounts.models import Operator
from cpms.embedded import ensure_postgres
from tests.integration.gateway.authority import Authority
from tests.integration.gateway.world import (
    BOOT,
    PATIENCE_S,
    basic,
    call,
    meter,
    run,
    start,
    until,
)

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "0123456789abcdef0123"


@pytest.fixture
def network(transactional_db):
    """An operator with eight charge points and a token."""
    now = timezone.now()
    Operator.objects.create(code="north", name="N", country="DE", currency="EUR")
    for number in range(8):
        provisioning.create_charge_point(
            wanted=provisioning.NewChargePoint(
                "north", f"CP-{number}", password=PASSWORD, max_power_w=22_000
            ),
            by="tests",
            at=now,
        )
    id_tokens.put_policy(token="TAG", status="accepted", operator_id=None, at=now)


@contextmanager
def gateway(redis_url, *options):
    """``manage.py ocpp_gateway`` on the test database; yields process and ready."""
    base = ensure_postgres(settings.CPMS_HOME).system
    name = connection.settings_dict["NAME"]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "cpms.settings.dev",
        "DATABASE_URL_SYSTEM": base.rsplit("/", 1)[0] + f"/{name}",
        "CPMS_DATABASE_ROLE": "system",
        "CPMS_HOME": str(settings.CPMS_HOME),
        "REDIS_URL": redis_url,
        "LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "ocpp_gateway", "--port=0", "--json", *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def client(ready, identity, subprotocol="ocpp1.6", **options):
    return connect(
        options.pop("url", f"ws://127.0.0.1:{ready['port']}/ocpp/{identity}"),
        subprotocols=[subprotocol],
        additional_headers={"Authorization": basic(identity, PASSWORD)},
        compression=None,
        **options,
    )


def test_a_1_6_station_boots_and_charges_on_the_real_services(network, redis_url):
    async def main(ready):
        async with client(ready, "CP-1") as socket:
            boot = await call(socket, "BootNotification", BOOT)
            started = await call(socket, "StartTransaction", start("TAG"))
            key = started[2]["transactionId"]
            values = await call(
                socket, "MeterValues", {**meter(1), "transactionId": key}
            )
            stopped = await call(
                socket,
                "StopTransaction",
                {
                    "transactionId": key,
                    "meterStop": 1200,
                    "timestamp": "2026-01-01T01:00:00Z",
                },
            )
            return boot, started, values, stopped

    with gateway(redis_url) as (_, ready):
        boot, started, values, stopped = run(main(ready))
    assert boot[2]["status"] == "Accepted"
    assert started[2]["idTagInfo"]["status"] == "Accepted"
    assert values == [3, "1", {}]
    assert stopped[0] == 3
    rows = MessageLog.objects.filter(charge_point__identity="CP-1").order_by("at")
    assert [row.action for row in rows] == [
        "BootNotification",
        "StartTransaction",
        "MeterValues",
        "StopTransaction",
    ]
    assert json.loads(rows[2].answer_text) == [3, "1", {}]


def test_a_2_0_1_station_boots_and_charges_on_the_real_services(network, redis_url):
    def event(kind, seq_no, **more):
        return {
            "eventType": kind,
            "timestamp": f"2026-01-01T00:00:0{seq_no}Z",
            "triggerReason": "Authorized" if seq_no == 0 else "StopAuthorized",
            "seqNo": seq_no,
            "transactionInfo": {"transactionId": "tx-1"},
            "evse": {"id": 1, "connectorId": 1},
            **more,
        }

    token = {"idToken": {"idToken": "TAG", "type": "ISO14443"}}

    async def main(ready):
        async with client(ready, "CP-2", "ocpp2.0.1") as socket:
            boot = await call(
                socket,
                "BootNotification",
                {
                    "reason": "PowerUp",
                    "chargingStation": {"model": "One", "vendorName": "Tests"},
                },
            )
            started = await call(
                socket, "TransactionEvent", event("Started", 0, **token)
            )
            ended = await call(socket, "TransactionEvent", event("Ended", 1))
            return boot, started, ended

    with gateway(redis_url) as (_, ready):
        boot, started, ended = run(main(ready))
    assert boot[2]["status"] == "Accepted"
    assert started[2]["idTokenInfo"]["status"] == "Accepted"
    assert ended[0] == 3
    assert ChargePoint.objects.get(identity="CP-2").ocpp_version == "2.0.1"


def test_a_refused_handshake_is_a_security_event_and_quirks_are_counted(
    network, redis_url
):
    async def main(ready):
        url = f"ws://127.0.0.1:{ready['port']}/ocpp/CP-3"
        with pytest.raises(Exception, match="401"):
            await connect(
                url,
                subprotocols=["ocpp1.6"],
                additional_headers={"Authorization": basic("CP-3", "wrong" * 4)},
            )
        async with client(ready, "CP-3") as socket:
            await socket.send('[2,"1","Heartbeat",null]')
            await asyncio.wait_for(socket.recv(), PATIENCE_S)
            await call(socket, "BootNotification", BOOT)

    with gateway(redis_url) as (_, ready):
        run(main(ready))
    (event,) = SecurityEvent.objects.filter(charge_point__identity="CP-3")
    assert "wrong password" in event.detail
    assert QuirkCount.objects.get(quirk="null_payload").count == 1


def test_two_processes_share_a_port_and_a_command_finds_the_right_one(
    network, redis_url
):
    async def main(ready):
        sockets = {}
        for number in range(8):
            identity = f"CP-{number}"
            sockets[identity] = await client(ready, identity)
        answers = {}

        async def obey(identity, socket):
            with suppress(ConnectionClosed):
                async for text in socket:
                    frame = json.loads(text)
                    answers[identity] = frame[2]
                    await socket.send(json.dumps([3, frame[1], {"status": "Accepted"}]))

        tasks = [asyncio.create_task(obey(*item)) for item in sockets.items()]
        await asyncio.to_thread(queue_everywhere)
        await until(lambda: len(answers) == 8, "all commands are answered")
        await asyncio.to_thread(wait_for_commands)
        for socket in sockets.values():
            await socket.close()
        await asyncio.gather(*tasks)
        return answers

    with gateway(redis_url, "--processes=2") as (_, ready):
        assert len(ready["pids"]) == 2
        answers = run(main(ready))
    assert set(answers.values()) == {"Reset"}
    assert set(Command.objects.values_list("state", flat=True)) == {"accepted"}


def queue_everywhere():
    now = timezone.now()
    for station in ChargePoint.objects.all():
        commands.queue(
            charge_point_id=station.pk,
            action="Reset",
            payload={"type": "Soft"},
            by="tests",
            idempotency_key="reset",
            at=now,
            expires_at=now + timedelta(minutes=1),
        )
    connection.close()


def wait_for_commands():
    deadline = time.monotonic() + PATIENCE_S
    while Command.objects.exclude(state="accepted").exists():
        assert time.monotonic() < deadline, "the answers are recorded"
        time.sleep(0.02)
    connection.close()


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
