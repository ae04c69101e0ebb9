"""Stations that are held or rejected, on the wire and on the real tables."""

import asyncio
import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from charge_points.gateway.process import Options, plan_of
from charge_points.gateway.server import Gateway
from charge_points.models import ChargePoint, Command
from charge_points.services import boots, commands, provisioning
from cpms.accounts.models import Operator
from tests.integration.gateway.world import PATIENCE_S, World, call, run, until

pytestmark = pytest.mark.integration
PASSWORD = "0123456789abcdef0123"
BOOTS = {
    "1.6": {"chargePointVendor": "Tests", "chargePointModel": "One"},
    "2.0.1": {
        "reason": "PowerUp",
        "chargingStation": {"vendorName": "Tests", "model": "One"},
    },
}
STATUSES = {
    "1.6": {"connectorId": 1, "errorCode": "NoError", "status": "Available"},
    "2.0.1": {
        "timestamp": "2026-05-04T12:00:00Z",
        "connectorStatus": "Available",
        "evseId": 1,
        "connectorId": 1,
    },
}
READS = {
    "1.6": ("GetConfiguration", {}),
    "2.0.1": ("GetBaseReport", {"requestId": 7, "reportBase": "FullInventory"}),
}
STARTS = {
    "1.6": ("RemoteStartTransaction", {"idTag": "A", "connectorId": 1}),
    "2.0.1": (
        "RequestStartTransaction",
        {"idToken": {"idToken": "A", "type": "Central"}, "remoteStartId": 1},
    ),
}
VERSIONS = sorted(BOOTS)


@pytest.fixture
def station(transactional_db):
    Operator.objects.create(code="north", name="N", country="DE", currency="EUR")
    made = provisioning.create_charge_point(
        wanted=provisioning.NewChargePoint("north", "CP-1", password=PASSWORD),
        by="tests",
        at=timezone.now(),
    )
    connection.close()
    return made


def serve(redis_url, settings, scenario):
    async def main():
        settings.REDIS_URL = redis_url
        ports = []
        gateway = Gateway(plan_of(Options("127.0.0.1", 0), ports.extend))
        await gateway.start()
        try:
            return await scenario(World(gateway, None, None, ports[0]))
        finally:
            assert await gateway.drain()

    return run(main())


def opened(world, version):
    return world.connect("CP-1", PASSWORD, subprotocols=[f"ocpp{version}"])


def in_database(work, *args, **more):
    def alone():
        try:
            return work(*args, **more)
        finally:
            connection.close()

    return asyncio.to_thread(alone)


def register(station, word):
    provisioning.register(
        charge_point_id=station.charge_point_id,
        registration=word,
        by="tests",
        at=timezone.now(),
    )


def queue(station, action, payload):
    now = timezone.now()
    return commands.queue(
        charge_point_id=station.charge_point_id,
        action=action,
        payload=payload,
        by="tests",
        idempotency_key=action,
        expires_at=now + timedelta(hours=1),
        at=now,
    )


async def frame(socket):
    return json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_S))


@pytest.mark.parametrize("word", ["pending", "rejected"])
@pytest.mark.parametrize("version", VERSIONS)
def test_whatever_is_no_boot_is_a_security_error(
    station, redis_url, settings, version, word
):
    register(station, word)
    connection.close()

    async def scenario(world):
        async with opened(world, version) as socket:
            boot = await call(socket, "BootNotification", BOOTS[version])
            early = await call(socket, "StatusNotification", STATUSES[version])
            again = await call(socket, "BootNotification", BOOTS[version])
            return boot, early, again

    boot, early, again = serve(redis_url, settings, scenario)
    assert boot[2]["status"] == again[2]["status"] == word.capitalize()
    assert early[0] == 4
    assert early[2] == "SecurityError"


@pytest.mark.parametrize(
    ("version", "word", "kind"),
    [("1.6", "pending", 3), ("1.6", "rejected", 4), ("2.0.1", "pending", 4)],
)
def test_heartbeats_of_stations_that_wait(
    station, redis_url, settings, version, word, kind
):
    register(station, word)
    connection.close()

    async def scenario(world):
        async with opened(world, version) as socket:
            await call(socket, "BootNotification", BOOTS[version])
            return await call(socket, "Heartbeat", {})

    assert serve(redis_url, settings, scenario)[0] == kind


@pytest.mark.parametrize("version", VERSIONS)
def test_a_pending_station_is_configured_and_its_other_commands_wait(
    station, redis_url, settings, version
):
    register(station, "pending")
    queue(station, *STARTS[version])
    read = queue(station, *READS[version])
    connection.close()

    async def scenario(world):
        async with opened(world, version) as socket:
            await call(socket, "BootNotification", BOOTS[version])
            world.gateway.commands.wake_all()
            asked = await frame(socket)
            answer = {"status": "Accepted"} if version == "2.0.1" else {}
            await socket.send(json.dumps([3, asked[1], answer]))
            await in_database(register, station, "accepted")
            # Asked to boot at once; the start waits until that was accepted.
            trigger = await frame(socket)
            await socket.send(json.dumps([3, trigger[1], {"status": "Accepted"}]))
            boot = await call(socket, "BootNotification", BOOTS[version])
            world.gateway.commands.wake_all()
            begin = await frame(socket)
            await socket.send(json.dumps([3, begin[1], {"status": "Rejected"}]))
            await until(lambda: world.gateway.writer.pending == 0)
            return asked[2], trigger[2:], boot[2]["status"], begin[2]

    asked, trigger, boot, begin = serve(redis_url, settings, scenario)
    assert asked == READS[version][0]
    assert trigger == ["TriggerMessage", {"requestedMessage": "BootNotification"}]
    assert (boot, begin) == ("Accepted", STARTS[version][0])
    assert Command.objects.get(pk=read.pk).state == "accepted"
    later = Command.objects.get(requested_by="registration", state="queued")
    assert later.action == READS[version][0]
    assert later.scheduled_at > later.created_at


@pytest.mark.parametrize("version", VERSIONS)
def test_a_pending_station_may_send_what_it_was_asked_for(
    station, redis_url, settings, version
):
    register(station, "pending")
    queue(station, "TriggerMessage", {"requestedMessage": "StatusNotification"})
    connection.close()

    async def scenario(world):
        async with opened(world, version) as socket:
            await call(socket, "BootNotification", BOOTS[version])
            world.gateway.commands.wake_all()
            asked = await frame(socket)
            await socket.send(json.dumps([3, asked[1], {"status": "Accepted"}]))
            told = await call(socket, "StatusNotification", STATUSES[version])
            other = {"vendorId": "x"}
            return told, await call(socket, "DataTransfer", other)

    told, other = serve(redis_url, settings, scenario)
    assert told == [3, "1", {}]
    assert other[2] == "SecurityError"


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_is_sent_to_a_rejected_station(station, redis_url, settings, version):
    register(station, "rejected")
    read = queue(station, *READS[version])
    connection.close()

    async def scenario(world):
        async with opened(world, version) as socket:
            await call(socket, "BootNotification", BOOTS[version])
            world.gateway.commands.wake_all()
            # The desk looks while these are answered; the read never comes.
            frames = [
                await call(socket, "BootNotification", BOOTS[version])
                for _ in range(20)
            ]
            await in_database(register, station, "accepted")
            boot = await call(socket, "BootNotification", BOOTS[version])
            world.gateway.commands.wake_all()
            asked = await frame(socket)
            await socket.send(json.dumps([4, asked[1], "NotSupported", "", {}]))
            await until(lambda: world.gateway.writer.pending == 0)
            return frames, boot, asked[2]

    frames, boot, asked = serve(redis_url, settings, scenario)
    assert {one[0] for one in frames} == {3}
    assert boot[2]["status"] == "Accepted"
    assert asked == READS[version][0]
    assert Command.objects.get(pk=read.pk).attempts == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_a_station_has_intervals_of_its_own(station, redis_url, settings, version):
    boots.set_intervals(
        charge_point_id=station.charge_point_id,
        heartbeat_s=77,
        boot_retry_s=15,
        by="tests",
        at=timezone.now(),
    )
    register(station, "pending")
    connection.close()

    async def scenario(world):
        async with opened(world, version) as socket:
            waits = await call(socket, "BootNotification", BOOTS[version])
            await in_database(
                ChargePoint.objects.filter(identity="CP-1").update,
                registration="accepted",
            )
            return waits, await call(socket, "BootNotification", BOOTS[version])

    waits, accepted = serve(redis_url, settings, scenario)
    assert (waits[2]["status"], waits[2]["interval"]) == ("Pending", 15)
    assert (accepted[2]["status"], accepted[2]["interval"]) == ("Accepted", 77)
