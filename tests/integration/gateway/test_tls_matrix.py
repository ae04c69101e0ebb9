"""Security profile × TLS version × client certificate, over real sockets."""

import asyncio
import ssl
import subprocess

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from charge_points.gateway.bus import TRUST
from charge_points.gateway.client_certificates import Trust
from charge_points.gateway.limits import Limits
from charge_points.gateway.tls import TlsFiles, TlsKeeper, UnableToUseCertificate
from charge_points.services.security_kinds import HANDSHAKE_REFUSED
from tests.integration.gateway.authority import Authority, Wish, serial_of
from tests.integration.gateway.memory_doors import PASSWORD, MemoryDoors
from tests.integration.gateway.world import PATIENCE_S, call, run, running, until

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table")]
CALM = Limits(
    drain_s=5.0,
    close_timeout_s=2.0,
    tick_s=0.05,
    failures_per_address_max=10_000,
    entering_per_address_max=10_000,
)
REFUSED_BY_TLS = "tls"
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """The CA of --client-ca."""
    return Authority(tmp_path_factory.mktemp("ours"), "Operator CA")


@pytest.fixture(scope="module")
def builtin(tmp_path_factory):
    """What the database names as the built-in CA."""
    return Authority(tmp_path_factory.mktemp("builtin"), "Station CA")


@pytest.fixture
def keeper(ours):
    return TlsKeeper(TlsFiles(*ours.issue("gateway", ip=["127.0.0.1"]), ours.path))


def client_tls(ours, leaf=None, version=None):
    context = ssl.create_default_context(cafile=ours.path)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if leaf is not None:
        context.load_cert_chain(*leaf)
    return context


async def knock(world, context, identity="CP-1", password=PASSWORD):
    """101, another HTTP status, or that TLS came to nothing."""
    url = f"wss://127.0.0.1:{world.tls_port}/ocpp/{identity}"
    try:
        async with world.connect(identity, password, url=url, ssl=context) as socket:
            assert (await call(socket, "Heartbeat", {}))[0] == 3
            return 101
    except InvalidStatus as error:
        return error.response.status_code
    except (OSError, InvalidHandshake, ConnectionClosed):
        return REFUSED_BY_TLS


def certificates(ours, builtin, stranger):
    """Name -> (files, result with profile 3, reason of the security event)."""
    server_only = (ExtendedKeyUsageOID.SERVER_AUTH,)
    client = (ExtendedKeyUsageOID.CLIENT_AUTH,)
    return {
        "good": (ours.make("CP-1", Wish(usages=client)), 101, ""),
        "good by name": (ours.issue("Serial 7", dns=["CP-1"]), 101, ""),
        "built-in": (builtin.issue("CP-1"), 101, ""),
        "none": (None, 403, "no client certificate"),
        "another's": (ours.issue("CP-2"), 403, "another charge point"),
        "built-in, by name": (
            builtin.issue("CP.1", dns=["CP-1"]),
            403,
            "another charge point",
        ),
        "revoked": (builtin.issue("CP-1"), 403, "was revoked"),
        "expired": (
            ours.make("CP-1", Wish(from_day=-2, until_day=-1)),
            REFUSED_BY_TLS,
            "",
        ),
        "not yet": (ours.make("CP-1", Wish(from_day=0.5)), REFUSED_BY_TLS, ""),
        "for servers": (ours.make("CP-1", Wish(usages=server_only)), "tls", ""),
        "a CA's": (ours.make("CP-1", Wish(ca=True)), 403, "that of a CA"),
        "foreign": (stranger.issue("CP-1"), REFUSED_BY_TLS, ""),
        "self-signed": (ours.make("CP-1", Wish(self_signed=True)), "tls", ""),
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_only_the_right_certificate_opens_profile_3(
    redis_url, ours, builtin, keeper, tmp_path, version
):
    cases = certificates(ours, builtin, Authority(tmp_path, "Stranger CA"))

    async def main():
        async with running(redis_url, tls=keeper, limits=CALM) as world:
            revoked = frozenset({serial_of(cases["revoked"][0][0])})
            world.doors.trusted = Trust((builtin.pem,), revoked)
            await world.gateway.trust.refresh()
            world.doors.add("CP-1", security_profile=3)
            found = {}
            for name, (leaf, *_) in cases.items():
                before = len(world.doors.breaches)
                # The right password opens nothing here.
                status = await knock(world, client_tls(ours, leaf, version))
                told = [
                    breach.reason
                    for breach in world.doors.breaches[before:]
                    # What TLS refuses is told of when the address comes again.
                    if breach.kind == HANDSHAKE_REFUSED
                ]
                found[name] = status, told
            return found

    found = run(main())
    assert {name: status for name, (status, _) in found.items()} == {
        name: expected for name, (_, expected, _) in cases.items()
    }
    for name, (_, expected, reason) in cases.items():
        told = found[name][1]
        assert len(told) == (1 if expected == 403 else 0), name
        assert all(reason in text for text in told), (name, told)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("profile", [0, 1, 2])
def test_lower_profiles_stand_beside_it_on_one_listener(
    redis_url, ours, keeper, version, profile
):
    async def main():
        async with running(redis_url, tls=keeper, limits=CALM) as world:
            world.doors.add("CP-1", security_profile=profile, profile_0_allowed=True)
            context = client_tls(ours, None, version)
            with_leaf = client_tls(ours, ours.issue("CP-2"), version)
            return [
                await knock(world, context),
                await knock(world, with_leaf),
                await knock(world, context, password="wrong"),
            ]

    assert run(main()) == [101, 101, 101 if profile == 0 else 401]


@pytest.mark.parametrize("by_wake_up", [True, False])
def test_a_revoked_certificate_loses_its_live_connection(
    redis_url, ours, builtin, keeper, by_wake_up
):
    leaf = builtin.issue("CP-1")
    poll_s = 600.0 if by_wake_up else 0.05
    limits = Limits(drain_s=5.0, close_timeout_s=2.0, trust_poll_s=poll_s)
    doors_trust = Trust((builtin.pem,))

    async def main():
        async with running(redis_url, tls=keeper, limits=limits) as world:
            world.doors.trusted = doors_trust
            await world.gateway.trust.refresh()
            await until(lambda: world.gateway.bus.is_up, "redis")
            world.doors.add("CP-1", security_profile=3)
            world.doors.add("CP-2", security_profile=2)
            context = client_tls(ours, leaf)
            base = f"wss://127.0.0.1:{world.tls_port}/ocpp/"
            async with (
                world.connect("CP-1", None, url=base + "CP-1", ssl=context) as socket,
                world.connect(
                    "CP-2", url=base + "CP-2", ssl=client_tls(ours)
                ) as neighbour,
            ):
                assert (await call(socket, "Heartbeat", {}))[0] == 3
                world.doors.trusted = Trust(
                    (builtin.pem,), frozenset({serial_of(leaf[0])})
                )
                if by_wake_up:
                    await world.gateway.bus.publish([(TRUST, "")])
                await asyncio.wait_for(socket.wait_closed(), PATIENCE_S)
                assert (await call(neighbour, "Heartbeat", {}))[0] == 3
                again = await knock(world, context, password=None)
                return socket.close_code, again

    assert run(main()) == (1008, 403)


class ForgetfulDoors(MemoryDoors):
    def trust(self):
        raise RuntimeError("nothing is known of revocations")


def test_nobody_comes_in_before_revocations_are_known(redis_url, ours, keeper):
    async def main():
        doors = ForgetfulDoors()
        async with running(redis_url, tls=keeper, limits=CALM, doors=doors) as world:
            world.doors.add("CP-1", security_profile=3)
            return await knock(world, client_tls(ours, ours.issue("CP-1")))

    assert run(main()) == 503


def s_client(port, *options):
    """What the OpenSSL command line makes of the listener: (exit code, text)."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options],
        input=b"",
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.parametrize(
    ("options", "connects"),
    [
        (("-tls1_2",), True),
        (("-tls1_3",), True),
        (("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"), True),
        (("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"), True),
        (("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), False),
        (("-tls1", "-cipher", "ALL:@SECLEVEL=0"), False),
        (("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"), False),
        (("-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"), False),
        (("-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"), False),
        (("-tls1_2", "-cipher", "eNULL:@SECLEVEL=0"), False),
    ],
)
def test_openssl_gets_the_suites_of_the_whitepaper_only(
    redis_url, ours, keeper, options, connects
):
    async def main():
        async with running(redis_url, tls=keeper, limits=CALM) as world:
            trusted = ("-CAfile", str(ours.path), "-verify_return_error")
            return await asyncio.to_thread(s_client, world.tls_port, *trusted, *options)

    code, text = run(main())
    assert (code == 0 and "Verify return code: 0" in text) is connects, text


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_ca_revokes_by_its_list_without_a_restart(
    redis_url, ours, tmp_path, version
):
    first, second = ours.issue("CP-1"), ours.issue("CP-1")
    path = ours.write_crl(tmp_path / "lists.pem", first[0])
    files = TlsFiles(*ours.issue("gateway", ip=["127.0.0.1"]), ours.path, path)
    keeper = TlsKeeper(files)

    async def main():
        async with running(redis_url, tls=keeper, limits=CALM) as world:
            await world.gateway.trust.refresh()
            world.doors.add("CP-1", security_profile=3)

            async def both():
                return [
                    await knock(world, client_tls(ours, leaf, version))
                    for leaf in (first, second)
                ]

            found = [await both()]
            ours.write_crl(path, first[0], second[0])
            assert keeper.reload_if_changed()
            found.append(await both())
            # A list that nobody signed changes nothing.
            ours.write_crl(path, signer=Authority(tmp_path, "Rogue CA").key)
            assert not keeper.reload_if_changed()
            found.append(await both())
            return found, [breach.reason for breach in world.doors.breaches]

    found, reasons = run(main())
    assert found == [[403, 101], [403, 403], [403, 403]]
    assert all("was revoked" in reason for reason in reasons)
    assert len(reasons) == 5


@pytest.mark.parametrize("text", [b"", b"x", b"-----BEGIN X509 CRL-----\nAAAA"])
def test_a_list_that_cannot_be_read_is_named(ours, tmp_path, text):
    path = tmp_path / "lists.pem"
    path.write_bytes(text)
    leaf = ours.issue("gateway", ip=["127.0.0.1"])
    with pytest.raises(UnableToUseCertificate, match="revocation list"):
        TlsKeeper(TlsFiles(*leaf, ours.path, path))
