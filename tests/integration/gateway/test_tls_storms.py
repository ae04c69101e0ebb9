"""TLS under load, by files that change, and by peers that mean no good."""

import asyncio
import socket
import ssl
from contextlib import AsyncExitStack, suppress

import pytest
from websockets.exceptions import InvalidStatus

from charge_points.gateway.limits import Limits
from charge_points.gateway.tls import TlsFiles, TlsKeeper
from tests.integration.gateway.authority import Authority, serial_of
from tests.integration.gateway.world import PATIENCE_S, call, run, running, until

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table")]
STORM = 150


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ours"), "Operator CA")


@pytest.fixture
def files(ours, tmp_path):
    """Certificate and key at paths that can be replaced."""
    target = TlsFiles(tmp_path / "tls.crt", tmp_path / "tls.key", ours.path)
    put(target, ours.issue("gateway", ip=["127.0.0.1"]))
    return target


def put(target, made):
    target.certificate.write_bytes(made[0].read_bytes())
    target.key.write_bytes(made[1].read_bytes())


def client_tls(ours):
    return ssl.create_default_context(cafile=ours.path)


def served(world, ours):
    """The serial number of the certificate that a new connection gets."""
    address = ("127.0.0.1", world.tls_port)
    with (
        socket.create_connection(address, PATIENCE_S) as raw,
        client_tls(ours).wrap_socket(raw, server_hostname="127.0.0.1") as shaken,
    ):
        return shaken.getpeercert()["serialNumber"].lower().lstrip("0")


def test_a_new_certificate_counts_without_a_restart(redis_url, ours, files):
    limits = Limits(drain_s=5.0, close_timeout_s=2.0, tls_files_poll_s=0.05)

    async def main():
        async with running(redis_url, tls=TlsKeeper(files), limits=limits) as world:
            world.doors.add("CP-1", security_profile=2)
            url = f"wss://127.0.0.1:{world.tls_port}/ocpp/CP-1"
            async with world.connect("CP-1", url=url, ssl=client_tls(ours)) as station:
                fresh = ours.issue("gateway", ip=["127.0.0.1"])
                put(files, fresh)
                wanted = serial_of(fresh[0])
                loop = asyncio.get_running_loop()
                deadline = loop.time() + PATIENCE_S
                while await asyncio.to_thread(served, world, ours) != wanted:
                    assert loop.time() < deadline
                # What cannot be used changes nothing.
                files.key.write_text("no key")
                assert not world.gateway.trust._keepers[0].reload()
                assert await asyncio.to_thread(served, world, ours) == wanted
                assert (await call(station, "Heartbeat", {}))[0] == 3

    run(main())


def test_a_storm_of_reconnects_comes_through(redis_url, ours, files):
    limits = Limits(
        drain_s=5.0,
        close_timeout_s=2.0,
        entering_max=40,
        entering_per_address_max=STORM,
        tls_handshake_s=PATIENCE_S,
    )

    async def main():
        async with running(redis_url, tls=TlsKeeper(files), limits=limits) as world:
            context = client_tls(ours)
            names = [f"CP-{number}" for number in range(STORM)]
            for name in names:
                world.doors.add(name, security_profile=2)

            async def come(stack, name):
                url = f"wss://127.0.0.1:{world.tls_port}/ocpp/{name}"
                opening = world.connect(
                    name, url=url, ssl=context, open_timeout=2 * PATIENCE_S
                )
                station = await stack.enter_async_context(opening)
                assert (await call(station, "Heartbeat", {}))[0] == 3

            for _ in range(2):
                async with AsyncExitStack() as stack:
                    await asyncio.gather(*(come(stack, name) for name in names))
                    assert len(world.gateway.directory) == STORM
            await until(lambda: len(world.gateway.directory) == 0, "all gone")

    run(main())


async def silent(world, number):
    """Connections that say nothing."""
    opened = [
        await asyncio.open_connection("127.0.0.1", world.tls_port)
        for _ in range(number)
    ]
    for _, writer in opened:
        writer.write(b"\x16\x03\x01")
    return opened


async def ended(opened):
    """How the server ended them."""
    for reader, writer in opened:
        with suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()


def test_a_slow_loris_is_dropped_and_others_come_in(redis_url, ours, files):
    limits = Limits(
        drain_s=5.0, close_timeout_s=1.0, tls_handshake_s=0.5, entering_max=100
    )

    async def main():
        async with running(redis_url, tls=TlsKeeper(files), limits=limits) as world:
            world.doors.add("CP-1", security_profile=2)
            lorises = await silent(world, 15)
            url = f"wss://127.0.0.1:{world.tls_port}/ocpp/CP-1"
            async with world.connect("CP-1", url=url, ssl=client_tls(ours)) as station:
                assert (await call(station, "Heartbeat", {}))[0] == 3
                await ended(lorises)
                assert (await call(station, "Heartbeat", {}))[0] == 3

    run(main())


def test_one_address_has_only_so_many_handshakes_at_once(redis_url, ours, files):
    limits = Limits(
        drain_s=5.0,
        close_timeout_s=1.0,
        tls_handshake_s=600.0,
        entering_per_address_max=5,
    )

    async def main():
        async with running(redis_url, tls=TlsKeeper(files), limits=limits) as world:
            waiting = await silent(world, 5)
            # Their deadline is far away: what ends now, ends for the limit.
            await ended(await silent(world, 3))
            for _, writer in waiting:
                assert not writer.transport.is_closing()
                writer.close()

    run(main())


def test_who_fails_in_tls_too_often_waits(redis_url, ours, files):
    limits = Limits(drain_s=5.0, close_timeout_s=1.0, failures_per_address_max=3)

    async def main():
        async with running(redis_url, tls=TlsKeeper(files), limits=limits) as world:
            world.doors.add("CP-1", security_profile=1)
            for _ in range(3):
                opened = await asyncio.open_connection("127.0.0.1", world.tls_port)
                opened[1].write(b"GET / HTTP/1.1\r\n\r\n")
                await ended([opened])
            # ssl.SSLEOFError or ConnectionResetError, as the kernel likes.
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.to_thread(served, world, ours)
            with pytest.raises(InvalidStatus) as error:
                async with world.connect("CP-1"):
                    pass
            return error.value.response.status_code

    assert run(main()) == 429
