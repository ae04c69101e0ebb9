"""Who has a stolen password, a wrong certificate or a forged header gets nowhere."""

import asyncio
import logging
import socket
import ssl

import pytest
from websockets.exceptions import InvalidStatus

from charge_points.gateway.client_certificates import Trust
from charge_points.gateway.credentials import password_digest
from charge_points.gateway.limits import Limits
from charge_points.gateway.tls import TlsFiles, TlsKeeper
from tests.integration.gateway.authority import Authority, serial_of
from tests.integration.gateway.test_tls_matrix import client_tls
from tests.integration.gateway.world import (
    KEY,
    PASSWORD,
    PATIENCE_S,
    basic,
    run,
    running,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table")]
OTHERS = "another station's password"
CALM = Limits(
    drain_s=5.0,
    close_timeout_s=2.0,
    tick_s=0.05,
    failures_per_address_max=10_000,
    entering_per_address_max=10_000,
)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ours"), "Operator CA")


@pytest.fixture(scope="module")
def builtin(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("builtin"), "Station CA")


@pytest.fixture
def keeper(ours):
    return TlsKeeper(TlsFiles(*ours.issue("gateway", ip=["127.0.0.1"]), ours.path))


async def status(world, identity, **options):
    try:
        async with world.connect(identity, **options):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


def two_stations(world, **changes):
    """CP-1 with the tests' password, CP-2 with one of its own."""
    digest = password_digest(OTHERS.encode(), KEY)
    world.doors.add("CP-1", **changes)
    world.doors.add("CP-2", password_digests=(digest,))


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("CP-2", OTHERS),
        ("CP-1", OTHERS),
        ("CP-2", PASSWORD),
        ("cp-1", PASSWORD),
        ("CP-1 ", PASSWORD),
        ("", PASSWORD),
        ("CP-1", ""),
        ("CP-1", PASSWORD.upper()),
        ("CP-1", PASSWORD[:-1]),
        ("CP-1", PASSWORD + "\0"),
        ("CP-1", password_digest(PASSWORD.encode(), KEY)),
        ("CP-1", password_digest(PASSWORD.encode(), KEY).hex()),
    ],
)
def test_a_password_of_another_station_or_out_of_the_database_opens_nothing(
    redis_url, user, password
):
    async def main():
        async with running(redis_url, limits=CALM) as world:
            two_stations(world)
            found = await status(
                world,
                "CP-1",
                password=None,
                additional_headers={"Authorization": basic(user, password)},
            )
            return found, world.doors

    found, doors = run(main())
    assert found == 401
    assert doors.openings == []
    assert [breach.identity for breach in doors.breaches] == ["CP-1"]


@pytest.mark.parametrize(("profile", "expected"), [(2, 403), (3, 403)])
def test_no_station_is_talked_down_to_a_lower_profile(
    redis_url, keeper, ours, profile, expected
):
    """Neither by the plain port nor by a header that claims TLS or a certificate."""
    claims = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "10.0.0.1",
        "X-SSL-Client-Cert": ours.issue("CP-1")[0].read_text().replace("\n", "%0A"),
        "X-SSL-Client-Verify": "SUCCESS",
        "X-SSL-Client-S-DN": "CN=CP-1",
        "Client-Cert": ":AAAA:",
    }

    async def main():
        async with running(redis_url, limits=CALM, tls=keeper) as world:
            world.doors.add("CP-1", security_profile=profile)
            return [
                await status(world, "CP-1"),
                await status(world, "CP-1", additional_headers=claims),
            ]

    assert run(main()) == [expected, expected]


@pytest.mark.parametrize(
    "path",
    [
        "/ocpp/cp-1",
        "/ocpp/CP-1%00",
        "/ocpp/CP-1%0d%0aX-Evil:%201",
        "/ocpp/CP-1%2f..%2fCP-2",
        "/ocpp/../ocpp/CP-1",
        "/ocpp/%2543P-1",
        "/ocpp//CP-1",
        "/ocpp/south/CP-1",
        "/OCPP/CP-1",
    ],
)
def test_another_spelling_of_an_identity_is_nobody(redis_url, path):
    async def main():
        async with running(redis_url, limits=CALM) as world:
            world.doors.add("CP-1")
            url = f"ws://127.0.0.1:{world.port}{path}"
            return await status(world, "CP-1", url=url), world.doors.openings

    assert run(main()) == (404, [])


def test_no_secret_of_a_handshake_is_in_log_or_event(redis_url, caplog):
    """Wrong and right passwords, in header and URL."""
    caplog.set_level(logging.DEBUG)
    secret = "hunter2-hunter2"

    async def main():
        async with running(redis_url, limits=CALM) as world:
            world.doors.add("CP-1")
            base = f"ws://127.0.0.1:{world.port}/ocpp/"
            query = f"?password={secret}"
            headers = {"Authorization": basic("CP-1", secret)}
            wrong = {"password": None, "additional_headers": headers}
            found = [
                await status(world, "CP-1", url=base + "CP-1" + query, **wrong),
                await status(world, "CP-1", url=base + "CP-9" + query, **wrong),
                await status(world, "CP-1", url=base + "CP-1" + query),
            ]
            return found, world.doors

    found, doors = run(main())
    assert found == [401, 404, 101]
    kept = repr((doors.breaches, doors.openings, doors.log, dict(doors.quirks)))
    # The client in this process logs what it sends; the gateway is what is asked.
    logged = "".join(
        record.getMessage()
        for record in caplog.records
        if not record.name.startswith("websockets.client")
    )
    for text in (secret, PASSWORD, basic("CP-1", secret), basic("CP-1", PASSWORD)):
        assert text not in kept
        assert text not in logged


def knock_by_hand(port, context, session=None):
    """(HTTP status, TLS session, whether it was resumed), by plain sockets."""
    request = (
        b"GET /ocpp/CP-1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: ocpp1.6\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with (
        socket.create_connection(("127.0.0.1", port), PATIENCE_S) as raw,
        context.wrap_socket(
            raw, server_hostname="127.0.0.1", session=session
        ) as shaken,
    ):
        shaken.sendall(request)
        line = shaken.recv(4_096).split(b"\r\n")[0]
        return int(line.split()[1]), shaken.session, shaken.session_reused


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_resumed_session_does_not_outlive_its_certificate(
    redis_url, ours, builtin, keeper, version
):
    leaf = builtin.issue("CP-1")

    async def main():
        async with running(redis_url, limits=CALM, tls=keeper) as world:
            world.doors.trusted = Trust((builtin.pem,))
            await world.gateway.trust.refresh()
            world.doors.add("CP-1", security_profile=3)
            context = client_tls(ours, leaf, version)
            port = world.tls_port
            first, session, _ = await asyncio.to_thread(knock_by_hand, port, context)
            again, *_ = await asyncio.to_thread(knock_by_hand, port, context, session)
            revoked = frozenset({serial_of(leaf[0])})
            world.doors.trusted = Trust((builtin.pem,), revoked)
            await world.gateway.trust.refresh()
            last, _, is_resumed = await asyncio.to_thread(
                knock_by_hand, port, context, session
            )
            return first, again, last, is_resumed

    *found, is_resumed = run(main())
    assert found == [101, 101, 403]
    if version == ssl.TLSVersion.TLSv1_3:
        assert not is_resumed


def test_a_certificate_of_one_operators_ca_is_not_of_the_built_in_one(
    redis_url, ours, builtin, keeper, tmp_path
):
    """A CA that only bears the built-in one's name issues nothing."""
    twin = Authority(tmp_path, "Station CA").issue("CP-1")

    async def main():
        async with running(redis_url, limits=CALM, tls=keeper) as world:
            world.doors.trusted = Trust((builtin.pem,))
            await world.gateway.trust.refresh()
            world.doors.add("CP-1", security_profile=3)
            context = client_tls(ours, twin)
            with pytest.raises((OSError, ssl.SSLError, IndexError)):
                await asyncio.to_thread(knock_by_hand, world.tls_port, context)
            return world.doors.openings

    assert run(main()) == []
