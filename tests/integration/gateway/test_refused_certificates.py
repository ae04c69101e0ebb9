"""A certificate that TLS refuses is told to whom it names, and opens nothing."""

import asyncio
import ssl
import subprocess

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from charge_points.gateway import refused_certificates
from charge_points.gateway.limits import Limits
from charge_points.gateway.tls import TlsFiles, TlsKeeper
from charge_points.services.security_kinds import CLIENT_CERTIFICATE_REFUSED
from tests.integration.gateway.authority import Authority, Wish
from tests.integration.gateway.test_tls_matrix import client_tls, knock
from tests.integration.gateway.world import PATIENCE_S, run, running, until

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table")]
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
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
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), "Stranger CA")


@pytest.fixture
def keeper(ours):
    return TlsKeeper(TlsFiles(*ours.issue("gateway", ip=["127.0.0.1"]), ours.path))


def a_rogue_twin(ours, folder):
    """A CA with the name of ours and a key of its own."""
    return Authority(folder, "Operator CA").issue("CP-1")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda ours, _, __: ours.make("CP-1", Wish(until_day=-0.5)), "has expired"),
        (lambda ours, _, __: ours.make("CP-1", Wish(from_day=0.5)), "not yet valid"),
        (lambda _, stranger, __: stranger.issue("CP-1"), "local issuer certificate"),
        (lambda _, stranger, __: stranger.issue("7", dns=["CP-1"]), "local issuer"),
        (
            lambda ours, _, __: ours.make("CP-1", Wish(self_signed=True)),
            "self-signed certificate",
        ),
        (
            lambda ours, _, __: ours.make(
                "CP-1", Wish(usages=(ExtendedKeyUsageOID.SERVER_AUTH,))
            ),
            "purpose",
        ),
        (lambda ours, _, folder: a_rogue_twin(ours, folder), "signature failure"),
    ],
    ids=["expired", "not yet", "foreign", "by name", "self-signed", "server", "twin"],
)
def test_a_refused_certificate_becomes_an_event_of_the_charge_point_it_names(
    redis_url, ours, stranger, keeper, *, tmp_path, version, make, reason
):
    leaf = make(ours, stranger, tmp_path)

    async def main():
        async with running(redis_url, tls=keeper, limits=CALM) as world:
            station = world.doors.add("CP-1", security_profile=3)
            world.doors.add("CP-2", security_profile=3)
            context = client_tls(ours, leaf, version)
            # Stations come back; from the second time on the gateway knows who.
            assert [await knock(world, context) for _ in range(3)] == ["tls"] * 3
            await until(lambda: world.doors.breaches, "the event")
            # The neighbour behind the same address comes in as always.
            assert await knock(world, client_tls(ours, ours.issue("CP-2")), "CP-2") == (
                101
            )
            assert world.doors.openings[0].identity == "CP-2"
            return station, world.doors.breaches

    station, breaches = run(main())
    assert len(breaches) == 1  # the same is not told again
    assert breaches[0].kind == CLIENT_CERTIFICATE_REFUSED
    assert breaches[0].charge_point_id == station.charge_point_id
    assert breaches[0].remote == "127.0.0.1"
    assert reason in breaches[0].reason
    assert "not proven" in breaches[0].reason


def test_a_certificate_with_no_name_of_ours_is_nobodys_event(
    redis_url, ours, stranger, keeper
):
    names = ("CP-9", "x'; DROP TABLE x", "\x01", "ü" * 30)
    leaves = [client_tls(ours, stranger.issue(name)) for name in names]

    async def main():
        async with running(redis_url, tls=keeper, limits=CALM) as world:
            world.doors.add("CP-1", security_profile=3)
            found = [await knock(world, leaf) for leaf in (*leaves, *leaves)]
            await until(lambda: world.gateway.writer.pending == 0, "the writer")
            return found, world.doors.breaches

    found, breaches = run(main())
    assert set(found) == {"tls"}
    assert breaches == []


def test_a_certificate_with_many_names_raises_one_event(
    redis_url, ours, stranger, keeper
):
    names = [f"CP-{number}" for number in range(1, 30)]
    leaf = stranger.issue("Serial 1", dns=names)

    async def main():
        async with running(redis_url, tls=keeper, limits=CALM) as world:
            for name in names:
                world.doors.add(name, security_profile=3)
            for _ in range(4):
                await knock(world, client_tls(ours, leaf))
            await until(lambda: world.doors.breaches, "the event")
            return world.doors.breaches

    assert [breach.identity for breach in run(main())] == ["CP-1"]


def test_the_event_is_told_again_after_a_while(
    redis_url, ours, stranger, keeper, monkeypatch
):
    monkeypatch.setattr(refused_certificates, "TOLD_AGAIN_S", 0.0)
    leaf = stranger.issue("CP-1")

    async def main():
        async with running(redis_url, tls=keeper, limits=CALM) as world:
            world.doors.add("CP-1", security_profile=3)
            for _ in range(3):
                await knock(world, client_tls(ours, leaf))
            await until(lambda: len(world.doors.breaches) >= 2, "two events")
            return len(world.doors.breaches)

    assert run(main()) == 2


def test_certificate_files_that_vanish_end_the_looking_and_not_the_service(
    redis_url, ours, stranger, keeper, tmp_path
):
    certificate, key = ours.issue("gateway", ip=["127.0.0.1"])
    keeper = TlsKeeper(TlsFiles(certificate, key, ours.path))
    leaf = stranger.issue("CP-1")

    async def main():
        async with running(redis_url, tls=keeper, limits=CALM) as world:
            world.doors.add("CP-1", security_profile=3)
            await knock(world, client_tls(ours, leaf))
            key.unlink()
            again = await knock(world, client_tls(ours, leaf))
            good = await knock(world, client_tls(ours, ours.issue("CP-1")))
            return again, good, world.doors.breaches

    assert run(main()) == ("tls", 101, [])


def by_openssl(folder):
    """A rogue root and a client certificate, made by the OpenSSL command line."""
    root, leaf = folder / "root", folder / "leaf"
    commands = (
        f"req -x509 -newkey rsa:2048 -nodes -keyout {root}.key -out {root}.pem",
        f"req -newkey rsa:2048 -nodes -keyout {leaf}.key -out {leaf}.csr",
        f"x509 -req -in {leaf}.csr -CA {root}.pem -CAkey {root}.key -out {leaf}.pem",
    )
    subjects = (("-subj", "/CN=Rogue"), ("-subj", "/CN=CP-1"), ("-CAcreateserial",))
    for command, subject in zip(commands, subjects, strict=True):
        words = ["openssl", *command.split(), *subject]
        subprocess.run(words, check=True, capture_output=True, timeout=60)
    return f"{leaf}.pem", f"{leaf}.key"


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_with_a_rogue_ca_connects_to_nothing_and_is_told(
    redis_url, ours, keeper, tmp_path, version
):
    certificate, key = by_openssl(tmp_path)

    def client(port):
        # Waits for what the server says, so that TLS 1.3's late refusal is seen.
        done = subprocess.run(
            [
                *("openssl", "s_client", "-connect", f"127.0.0.1:{port}", version),
                *("-cert", certificate, "-key", key, "-CAfile", str(ours.path)),
                "-ign_eof",
            ],
            input=b"GET /ocpp/CP-1 HTTP/1.1\r\n\r\n",
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return done.stdout + done.stderr

    async def main():
        async with running(redis_url, tls=keeper, limits=CALM) as world:
            world.doors.add("CP-1", security_profile=3)
            texts = [await asyncio.to_thread(client, world.tls_port) for _ in range(2)]
            await until(lambda: world.doors.breaches, "the event")
            return texts, world.doors

    texts, doors = run(main())
    assert all(b"HTTP/1.1" not in text for text in texts), texts
    assert doors.openings == []
    assert [breach.identity for breach in doors.breaches] == ["CP-1"]


def test_the_names_of_a_refused_certificate_are_bounded(
    redis_url, ours, stranger, keeper
):
    names = [f"CP-{number}" for number in range(200)]
    leaf = stranger.issue("Serial 2", dns=names)

    async def main():
        async with running(redis_url, tls=keeper, limits=CALM) as world:
            # Beyond the names that are looked up.
            world.doors.add("CP-150", security_profile=3)
            for _ in range(3):
                await knock(world, client_tls(ours, leaf))
            await until(lambda: world.gateway.writer.pending == 0, "the writer")
            return world.doors.breaches

    assert run(main()) == []
