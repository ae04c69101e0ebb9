"""Behind balancers: who is believed, and who is not."""

import base64
import socket
import ssl
from contextlib import asynccontextmanager
from ipaddress import ip_network
from urllib.parse import quote

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus

from charge_points.gateway.client_certificates import Trust
from charge_points.gateway.proxies import V2_SIGNATURE, ProxyRules
from charge_points.gateway.tls import TlsFiles, TlsKeeper
from tests.integration.gateway.authority import PEM, Authority, Wish, load, serial_of
from tests.integration.gateway.world import run, running

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table")]
HERE = (ip_network("127.0.0.0/8"),)
ELSEWHERE = (ip_network("10.0.0.0/8"),)
V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n"
V2 = V2_SIGNATURE + b"\x21\x11\x00\x0c" + bytes([192, 0, 2, 7, 198, 51, 100, 1])
V2 += b"\xdc\x04\x01\xbb"
V2_LOCAL = V2_SIGNATURE + b"\x20\x00\x00\x00"


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ours"), "Operator CA")


@pytest.fixture
def keeper(ours):
    return TlsKeeper(TlsFiles(*ours.issue("gateway", ip=["127.0.0.1"]), ours.path))


@asynccontextmanager
async def through(world, first_bytes, *, is_tls, ours, headers=None):
    """A station whose balancer sends some bytes first."""
    port = world.tls_port if is_tls else world.port
    raw = socket.create_connection(("127.0.0.1", port))
    raw.sendall(first_bytes)
    options = {"url": f"{'wss' if is_tls else 'ws'}://127.0.0.1:{port}/ocpp/CP-1"}
    if is_tls:
        options["ssl"] = ssl.create_default_context(cafile=ours.path)
        options["server_hostname"] = "127.0.0.1"
    async with world.connect(
        "CP-1", sock=raw, additional_headers=headers or {}, **options
    ) as station:
        yield station


@pytest.mark.parametrize("is_tls", [False, True])
@pytest.mark.parametrize(
    ("first_bytes", "remote"),
    [
        (V1, "192.0.2.7"),
        (V2, "192.0.2.7"),
        (V2_LOCAL, "127.0.0.1"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    ],
)
def test_the_source_is_what_the_balancer_says(
    redis_url, ours, keeper, is_tls, first_bytes, remote
):
    rules = ProxyRules(HERE, speaks_proxy_protocol=True)
    # Such a balancer passes the client's own headers on.
    spoofed = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}

    async def main():
        async with running(redis_url, tls=keeper, proxies=rules) as world:
            world.doors.add("CP-1", security_profile=2 if is_tls else 1)
            async with through(
                world, first_bytes, is_tls=is_tls, ours=ours, headers=spoofed
            ):
                return world.doors.openings[0].remote

    assert run(main()) == remote


@pytest.mark.parametrize("is_tls", [False, True])
@pytest.mark.parametrize(
    ("networks", "first_bytes"),
    [(ELSEWHERE, V1), (ELSEWHERE, V2), (HERE, b""), (HERE, b"PROXY TCP4 x y 1 2\r\n")],
)
def test_a_forged_or_missing_proxy_header_opens_nothing(
    redis_url, ours, keeper, is_tls, networks, first_bytes
):
    rules = ProxyRules(networks, speaks_proxy_protocol=True)

    async def main():
        async with running(redis_url, tls=keeper, proxies=rules) as world:
            world.doors.add("CP-1", security_profile=2 if is_tls else 1)
            with pytest.raises((OSError, EOFError, InvalidHandshake)):
                async with through(world, first_bytes, is_tls=is_tls, ours=ours):
                    pass
            return world.doors.openings

    assert run(main()) == []


def test_headers_behind_a_passing_balancer_do_not_say_that_there_is_tls(
    redis_url, ours, keeper
):
    rules = ProxyRules(HERE, speaks_proxy_protocol=True)

    async def main():
        async with running(redis_url, tls=keeper, proxies=rules) as world:
            world.doors.add("CP-1", security_profile=2)
            headers = {"X-Forwarded-Proto": "https"}
            with pytest.raises(InvalidStatus) as error:
                async with through(world, V1, is_tls=False, ours=ours, headers=headers):
                    pass
            return error.value.response.status_code

    assert run(main()) == 403


HEADER = "Client-Cert"


def escaped(path):
    return quote(load(path).public_bytes(PEM).decode())


def rfc_9440(path):
    der = ssl.PEM_cert_to_DER_cert(path.read_text())
    return f":{base64.b64encode(der).decode()}:"


def test_a_forwarded_certificate_is_checked_here_again(redis_url, ours, tmp_path):
    builtin = Authority(tmp_path, "Station CA")
    good, mine = ours.issue("CP-1")[0], builtin.issue("CP-1")[0]
    revoked, stranger = builtin.issue("CP-1")[0], Authority(tmp_path, "Stranger CA")
    old = ours.make("CP-1", Wish(from_day=-2, until_day=-1))[0]
    own = ours.make("CP-1", Wish(self_signed=True))[0]
    cases = [
        (escaped(good), 101, ""),
        (rfc_9440(good), 101, ""),
        (escaped(mine), 101, ""),
        (escaped(revoked), 403, "revoked"),
        (rfc_9440(stranger.issue("CP-1")[0]), 403, "no trusted CA"),
        (escaped(own), 403, "no trusted CA"),
        (escaped(ours.issue("CP-2")[0]), 403, "another charge point"),
        (escaped(old), 403, "expired"),
        ("", 403, "no client certificate"),
        (":AAAA:", 403, "cannot be read"),
        ("nonsense", 403, "cannot be read"),
        ([escaped(good), escaped(good)], 403, "cannot be read"),
    ]
    rules = ProxyRules(HERE, certificate_header=HEADER)

    async def main():
        plan = {"proxies": rules, "client_ca": ours.path}
        async with running(redis_url, **plan) as world:
            world.doors.trusted = Trust((builtin.pem,), frozenset({serial_of(revoked)}))
            await world.gateway.trust.refresh()
            world.doors.add("CP-1", security_profile=3)
            return [await forwarded(world, value) for value, *_ in cases]

    found = run(main())
    assert [status for status, _ in found] == [status for _, status, _ in cases]
    for (_, reason), (_, _, wanted) in zip(found, cases, strict=True):
        assert wanted in reason


async def forwarded(world, value):
    """(status, reason of the security event) of a certificate in a header."""
    values = value if isinstance(value, list) else [value]
    headers = [("X-Forwarded-Proto", "https"), *((HEADER, one) for one in values)]
    try:
        async with connect_with(world, headers):
            return 101, ""
    except InvalidStatus as error:
        return error.response.status_code, world.doors.breaches[-1].reason


def connect_with(world, headers):
    """As ``World.connect``, with headers that may repeat."""
    return connect(
        world.url("CP-1"),
        subprotocols=["ocpp1.6"],
        additional_headers=headers,
        compression=None,
    )


@pytest.mark.parametrize("networks", [ELSEWHERE, ()])
def test_nobody_else_may_forward_a_certificate(redis_url, ours, networks):
    rules = ProxyRules(networks, certificate_header=HEADER)

    async def main():
        async with running(redis_url, proxies=rules, client_ca=ours.path) as world:
            world.doors.add("CP-1", security_profile=3)
            return await forwarded(world, escaped(ours.issue("CP-1")[0]))

    assert run(main()) == (403, "security profile 3 needs TLS")
