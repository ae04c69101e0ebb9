"""Live values as a stream: own orders only, changes only, bounded, ends by itself."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test import AsyncClient
from django.utils import timezone

from billing.api import streaming
from billing.models import Order
from cpms.accounts.models import DriverToken
from tests.factories import accounts
from tests.integration.billing.world import API, fresh, make_world

pytestmark = pytest.mark.integration


@pytest.fixture
def world(transactional_db, psp, monkeypatch):
    monkeypatch.setattr(streaming, "STREAM_EVERY_S", 0.01)
    readers = ThreadPoolExecutor(1)
    monkeypatch.setattr(streaming, "_readers", readers)
    yield make_world(psp)
    readers.submit(_close).result()
    readers.shutdown()


def _close():
    from django.db import connections  # noqa: PLC0415 - of the reader's own thread

    connections.close_all()


async def opened(order, headers):
    path = f"{API}/driver/orders/{order.number}/live/stream"
    return await AsyncClient().get(path, headers=headers)


def test_a_stream_tells_changes_and_ends_with_the_order(world):
    order, charge = world.charging()

    async def watch():
        answer = await opened(order, world.person.headers)
        assert answer["Content-Type"] == "text/event-stream"
        found = []
        async for part in answer.streaming_content:
            for line in part.decode().splitlines():
                if line.startswith("data: "):
                    found.append(json.loads(line.removeprefix("data: ")))
                    if len(found) == 1:
                        await asyncio.to_thread(_finish, world, charge)
        return found

    found = asyncio.run(watch())
    assert found[0]["state"] == "CHARGING"
    assert (found[-1]["state"], found[-1]["cost_minor"]) == ("CLOSED", 595)
    assert not streaming._open


def _finish(world, charge):
    from django.db import connections  # noqa: PLC0415 - of this thread

    try:
        world.finish(charge)
    finally:
        connections.close_all()


@pytest.mark.parametrize("who", ["nobody", "stale", "stranger"])
def test_a_stream_is_the_drivers_own(world, who):
    order = world.claimed()
    headers = {
        "nobody": {},
        "stale": {"Authorization": "Bearer stale"},
        "stranger": accounts.driver().headers,
    }[who]
    answer = asyncio.run(opened(order, headers))
    assert answer.status_code == (404 if who == "stranger" else 401)
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("limit", ["STREAMS_MAX", "STREAMS_PER_DRIVER_MAX"])
def test_one_stream_too_many_is_told_to_poll(world, monkeypatch, limit):
    order = world.claimed()
    monkeypatch.setattr(streaming, limit, 0)
    answer = asyncio.run(opened(order, world.person.headers))
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")


def test_a_stream_ends_by_itself_and_frees_its_place(world, monkeypatch):
    order, _ = world.charging()
    monkeypatch.setattr(streaming, "STREAM_FOR", streaming.timedelta(0))

    async def watch():
        answer = await opened(order, world.person.headers)
        return [part async for part in answer.streaming_content]

    assert asyncio.run(watch()) == [b"retry: 2000\n\n"]
    assert not streaming._open
    assert fresh(Order.objects.get()).state == "CHARGING"


def test_a_stream_ends_soon_after_its_driver_logged_out(world, monkeypatch):
    order, _ = world.charging()
    monkeypatch.setattr(streaming, "ASK_AGAIN_EVERY", 2)

    async def watch():
        answer = await opened(order, world.person.headers)
        found = []
        async for part in answer.streaming_content:
            found.append(part)
            if len(found) == 2:
                await asyncio.to_thread(_log_out, world)
        return found

    assert len(asyncio.run(watch())) <= 4
    assert not streaming._open
    assert fresh(Order.objects.get()).state == "CHARGING"


def _log_out(world):
    from django.db import connections  # noqa: PLC0415 - of this thread

    try:
        DriverToken.objects.filter(driver=world.driver).update(
            revoked_at=timezone.now()
        )
    finally:
        connections.close_all()
