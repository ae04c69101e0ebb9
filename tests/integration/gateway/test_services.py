"""The gateway on the real doors and tables, in the test's own loop."""

import asyncio
import json
import os
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from charge_points.gateway.doors import Closing
from charge_points.gateway.process import (
    Options,
    UnableToStartGateway,
    password_key,
    plan_of,
    reserve_port,
)
from charge_points.gateway.server import Gateway
from charge_points.gateway.service_doors import ServiceDoors
from charge_points.models import ChargePoint, Command, QuirkCount
from charge_points.services import commands, provisioning
from cpms.accounts.models import Operator
from cpms.outbox.models import EventRecord
from tests.integration.gateway.world import (
    BOOT,
    PATIENCE_S,
    World,
    call,
    meter,
    run,
    until,
)

pytestmark = pytest.mark.integration
PASSWORD = "0123456789abcdef0123"
TRIGGER = {"requestedMessage": "BootNotification"}


@pytest.fixture
def station(transactional_db):
    now = timezone.now()
    Operator.objects.create(code="north", name="N", country="DE", currency="EUR")
    made = provisioning.create_charge_point(
        wanted=provisioning.NewChargePoint("north", "CP-1", password=PASSWORD),
        by="tests",
        at=now,
    )
    connection.close()
    return made


async def serve(redis_url, scenario, settings):
    settings.REDIS_URL = redis_url
    ports = []
    plan = plan_of(Options("127.0.0.1", 0), ports.extend)
    gateway = Gateway(plan)
    await gateway.start()
    try:
        return await scenario(World(gateway, None, None, ports[0]))
    finally:
        assert await gateway.drain()


def test_a_connection_leaves_its_traces_on_the_row(station, redis_url, settings):
    async def scenario(world):
        async with world.connect("CP-1", PASSWORD) as socket:
            await call(socket, "BootNotification", BOOT)
            await socket.send('[2,"1","Heartbeat",null]')
            await asyncio.wait_for(socket.recv(), PATIENCE_S)
            await call(socket, "MeterValues", meter(1))
        await until(lambda: world.gateway.writer.pending == 0)
        await asyncio.sleep(0.1)

    run(serve(redis_url, scenario, settings))
    row = ChargePoint.objects.get(identity="CP-1")
    assert (row.generation, row.ocpp_version, row.vendor) == (1, "1.6", "Tests")
    assert row.disconnected_at is not None
    assert QuirkCount.objects.get(quirk="null_payload").charge_point_id == row.pk
    topics = set(EventRecord.objects.values_list("topic", flat=True))
    assert {"ChargePointConnected", "ChargePointDisconnected"} <= topics


def test_an_onboarded_station_is_pending_until_it_is_accepted(
    station, redis_url, settings
):
    def accept():
        row = ChargePoint.objects.get(identity="NEW-1")
        Operator.objects.update(allow_security_profile_0=True)
        provisioning.register(
            charge_point_id=row.pk, registration="accepted", by="t", at=timezone.now()
        )
        connection.close()

    async def scenario(world):
        await asyncio.to_thread(Operator.objects.update, allow_security_profile_0=True)
        url = world.url("NEW-1", "/ocpp/north/")
        async with world.connect("NEW-1", None, url=url) as socket:
            first = await call(socket, "BootNotification", BOOT)
            await asyncio.to_thread(accept)
            world.gateway.commands.wake_all()
            asked = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_S))
            assert asked[2:] == ["TriggerMessage", TRIGGER]
            await socket.send(json.dumps([3, asked[1], {"status": "Accepted"}]))
            second = await call(socket, "BootNotification", BOOT)
            values = await call(socket, "MeterValues", meter(1))
        return first[2]["status"], second[2]["status"], values[0]

    assert run(serve(redis_url, scenario, settings)) == ("Pending", "Accepted", 3)


def test_a_command_row_is_sent_and_answered(station, redis_url, settings):
    def queue():
        now = timezone.now()
        commands.queue_intent(
            charge_point_id=station.charge_point_id,
            intent="reset",
            arguments={"kind": "immediate"},
            by="tests",
            idempotency_key="one",
            at=now,
            expires_at=now + timedelta(minutes=1),
        )
        connection.close()

    async def scenario(world):
        async with world.connect("CP-1", PASSWORD) as socket:
            await call(socket, "BootNotification", BOOT)
            await asyncio.to_thread(queue)
            world.gateway.commands.wake([station.charge_point_id])
            frame = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_S))
            await socket.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
            await call(socket, "MeterValues", meter(1))
            return frame[2:]

    assert run(serve(redis_url, scenario, settings)) == ["Reset", {"type": "Hard"}]
    row = Command.objects.get()
    assert (row.state, row.action, row.response) == (
        "accepted",
        "Reset",
        {"status": "Accepted"},
    )


def test_an_end_of_an_older_connection_changes_nothing(station):
    now = timezone.now()
    ChargePoint.objects.update(generation=5, connected_at=now)
    doors = ServiceDoors()
    closing = Closing(
        charge_point_id=station.charge_point_id,
        operator_id=station.operator_id,
        generation=4,
        seen_at=now,
        cause="",
        at=now,
    )
    doors.close_connections([closing])
    assert ChargePoint.objects.get().disconnected_at is None
    assert doors.generations([station.charge_point_id, 0]) == {
        station.charge_point_id: 5
    }


def test_options_that_cannot_work_say_what_to_do(settings):
    with pytest.raises(UnableToStartGateway, match="--tls-cert"):
        plan_of(Options("127.0.0.1", 0, tls_port=0), print)
    with pytest.raises(UnableToStartGateway, match="network"):
        plan_of(Options("127.0.0.1", 0, trusted_proxies=("x",)), print)
    with reserve_port("127.0.0.1", 0) as held:
        held.listen()
        port = held.getsockname()[1]
        with reserve_port("127.0.0.1", port):
            pass
    with pytest.raises(UnableToStartGateway, match="not free"):
        reserve_port("192.0.2.1", 1)
    settings.CHARGE_POINT_PASSWORD_KEY = "text"
    assert password_key() == b"text"
    assert str(os.getpid()) in plan_of(Options("::1", 0), print).process
