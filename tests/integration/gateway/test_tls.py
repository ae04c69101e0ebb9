import ssl
from contextlib import nullcontext
from ipaddress import ip_network

import pytest
from websockets.exceptions import InvalidHandshake, InvalidStatus

from charge_points.gateway.proxies import ProxyRules
from charge_points.gateway.tls import (
    TlsFiles,
    TlsKeeper,
    UnableToUseCertificate,
    server_context,
)
from tests.integration.gateway.authority import Authority
from tests.integration.gateway.memory_doors import PASSWORD
from tests.integration.gateway.world import call, run, running

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table")]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def server_tls(authority):
    certificate, key = authority.issue("gateway", ip=["127.0.0.1"])
    return TlsKeeper(TlsFiles(certificate, key, authority.path))


def client_tls(authority, leaf=None):
    context = ssl.create_default_context(cafile=authority.path)
    if leaf is not None:
        context.load_cert_chain(*leaf)
    return context


async def status(world, context, identity="CP-1", password=PASSWORD, port=None):
    url = f"wss://127.0.0.1:{port or world.tls_port}/ocpp/{identity}"
    try:
        async with world.connect(identity, password, url=url, ssl=context) as socket:
            assert (await call(socket, "Heartbeat", {}))[0] == 3
            return 101
    except InvalidStatus as error:
        return error.response.status_code


def test_profile_2_is_a_password_over_tls(redis_url, authority, server_tls):
    async def main():
        async with running(redis_url, tls=server_tls) as world:
            world.doors.add("CP-1", security_profile=2)
            context = client_tls(authority)
            good = await status(world, context)
            bad = await status(world, context, password="wrong")
            try:
                async with world.connect("CP-1"):
                    plain = 101
            except InvalidStatus as error:
                plain = error.response.status_code
            return good, bad, plain

    assert run(main()) == (101, 401, 403)


@pytest.mark.parametrize(
    ("name", "dns", "expected"),
    [
        ("CP-1", (), 101),
        ("Serial 77", ("CP-1",), 101),
        ("CP-2", (), 403),
        (None, (), 403),
    ],
)
def test_profile_3_is_a_client_certificate_for_this_charge_point(
    redis_url, authority, server_tls, name, dns, expected
):
    leaf = None if name is None else authority.issue(name, dns=dns)

    async def main():
        async with running(redis_url, tls=server_tls) as world:
            world.doors.add("CP-1", security_profile=3)
            return await status(world, client_tls(authority, leaf), password=None)

    assert run(main()) == expected


def test_a_client_certificate_of_a_foreign_ca_is_refused_by_tls(
    redis_url, authority, server_tls, tmp_path
):
    stranger = Authority(tmp_path, "Stranger CA").issue("CP-1")

    async def main():
        async with running(redis_url, tls=server_tls) as world:
            world.doors.add("CP-1", security_profile=3)
            with pytest.raises((OSError, InvalidHandshake)):
                await status(world, client_tls(authority, stranger), password=None)
            return world.doors.openings

    assert run(main()) == []


@pytest.mark.parametrize(
    ("version", "connects"),
    [(ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_1, False)],
)
def test_tls_begins_at_1_2(redis_url, authority, server_tls, version, connects):
    async def main():
        async with running(redis_url, tls=server_tls) as world:
            world.doors.add("CP-1", security_profile=2)
            context = client_tls(authority)
            context.set_ciphers("ALL:@SECLEVEL=0")
            old = pytest.warns(DeprecationWarning, match="TLSv1_1")
            with nullcontext() if connects else old:
                context.minimum_version = version
                context.maximum_version = version
            try:
                return await status(world, context) == 101
            except OSError:
                return False

    assert run(main()) is connects


@pytest.mark.parametrize(("trusted", "expected"), [(True, 101), (False, 403)])
def test_only_a_trusted_proxy_may_say_that_tls_ended_there(
    redis_url, trusted, expected
):
    proxies = (ip_network("127.0.0.0/8"),) if trusted else (ip_network("10.0.0.0/8"),)

    async def main():
        async with running(redis_url, proxies=ProxyRules(proxies)) as world:
            world.doors.add("CP-1", security_profile=2)
            headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "a, 192.0.2.7"}
            try:
                async with world.connect("CP-1", additional_headers=headers):
                    return 101, world.doors.openings[0].remote
            except InvalidStatus as error:
                return error.response.status_code, None

    found, remote = run(main())
    assert found == expected
    assert remote == ("192.0.2.7" if trusted else None)


def test_wrong_tls_files_are_named(tmp_path, authority):
    certificate, key = authority.issue("other")
    missing = tmp_path / "missing.pem"
    with pytest.raises(UnableToUseCertificate, match=r"missing\.pem"):
        server_context(missing, key)
    with pytest.raises(UnableToUseCertificate, match="belong together"):
        server_context(certificate, authority.issue("third")[1])
    with pytest.raises(UnableToUseCertificate, match="client CA"):
        server_context(certificate, key, missing)
