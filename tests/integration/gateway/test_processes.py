"""The command itself: real processes on the real services."""

import asyncio
import json
import time
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from charge_points.models import (
    ChargePoint,
    Command,
    MessageLog,
    QuirkCount,
    SecurityEvent,
)
from charge_points.services import commands
from tests.integration.gateway.processes import client, gateway, network
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

__all__ = ["network"]
pytestmark = [pytest.mark.integration, pytest.mark.slow]


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
