"""Revocation lists of the operator's own client CAs, fetched or in a file."""

import asyncio
from ipaddress import ip_network

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from websockets.exceptions import InvalidStatus

from charge_points.gateway.client_certificates import Trust
from charge_points.gateway.limits import Limits
from charge_points.gateway.proxies import ProxyRules
from charge_points.gateway.tls import TlsFiles, TlsKeeper
from charge_points.services.revocation_lists import lists_in
from tests.integration.gateway.authority import Authority
from tests.integration.gateway.test_tls_matrix import client_tls, knock
from tests.integration.gateway.world import PATIENCE_S, call, run, running, until

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table")]
LIMITS = Limits(
    drain_s=5.0,
    close_timeout_s=2.0,
    tick_s=0.05,
    tls_files_poll_s=0.05,
    failures_per_address_max=10_000,
)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ours"), "Operator CA")


def der(path):
    (listed,) = lists_in(path.read_bytes())
    return listed.public_bytes(Encoding.DER)


@pytest.mark.parametrize("by_file", [True, False])
def test_a_list_closes_the_connection_whose_certificate_it_takes_back(
    redis_url, ours, tmp_path, by_file
):
    gone, good = ours.issue("CP-1"), ours.issue("CP-2")
    path = ours.write_crl(tmp_path / "lists.pem")
    later = ours.write_crl(tmp_path / "later.pem", gone[0])
    crl = path if by_file else None
    files = TlsFiles(*ours.issue("gateway", ip=["127.0.0.1"]), ours.path, crl)
    keeper = TlsKeeper(files)

    async def main():
        async with running(redis_url, tls=keeper, limits=LIMITS) as world:
            await world.gateway.trust.refresh()
            for name in ("CP-1", "CP-2"):
                world.doors.add(name, security_profile=3)
            base = f"wss://127.0.0.1:{world.tls_port}/ocpp/"
            async with (
                world.connect(
                    "CP-1", None, url=base + "CP-1", ssl=client_tls(ours, gone)
                ) as first,
                world.connect(
                    "CP-2", None, url=base + "CP-2", ssl=client_tls(ours, good)
                ) as second,
            ):
                assert (await call(first, "Heartbeat", {}))[0] == 3
                if by_file:
                    path.write_bytes(later.read_bytes())
                else:
                    world.doors.trusted = Trust(lists=(der(later),))
                    await world.gateway.trust.refresh()
                await asyncio.wait_for(first.wait_closed(), PATIENCE_S)
                assert (await call(second, "Heartbeat", {}))[0] == 3
                again = await knock(world, client_tls(ours, gone), "CP-1", None)
                return first.close_code, again

    assert run(main()) == (1008, 403)


def test_a_fetched_list_of_a_foreign_ca_takes_nothing_back(redis_url, ours, tmp_path):
    """Not even with the name of ours: the signature decides."""
    leaf = ours.issue("CP-1")
    twin = Authority(tmp_path, "Operator CA")
    lists = (
        der(twin.write_crl(tmp_path / "twin.pem", leaf[0])),
        b"no list at all",
    )
    keeper = TlsKeeper(TlsFiles(*ours.issue("gateway", ip=["127.0.0.1"]), ours.path))

    async def main():
        async with running(redis_url, tls=keeper, limits=LIMITS) as world:
            world.doors.trusted = Trust(lists=lists)
            await world.gateway.trust.refresh()
            world.doors.add("CP-1", security_profile=3)
            return await knock(world, client_tls(ours, leaf), "CP-1", None)

    assert run(main()) == 101


def test_a_fetched_list_counts_where_tls_ends_at_a_balancer(redis_url, ours, tmp_path):
    gone, good = ours.issue("CP-1"), ours.issue("CP-1")
    lists = (der(ours.write_crl(tmp_path / "lists.pem", gone[0])),)
    rules = ProxyRules((ip_network("127.0.0.0/8"),), certificate_header="Client-Cert")

    def forwarded(leaf):
        text = leaf[0].read_text().replace("\n", "%0A")
        return {"X-Forwarded-Proto": "https", "Client-Cert": text}

    async def main():
        async with running(
            redis_url, limits=LIMITS, proxies=rules, client_ca=ours.path
        ) as world:
            world.doors.trusted = Trust(lists=lists)
            await world.gateway.trust.refresh()
            world.doors.add("CP-1", security_profile=3)
            found = []
            for leaf in (gone, good):
                try:
                    async with world.connect(
                        "CP-1", None, additional_headers=forwarded(leaf)
                    ):
                        found.append(101)
                except InvalidStatus as error:
                    found.append(error.response.status_code)
            return found

    assert run(main()) == [403, 101]


def test_how_old_the_lists_of_a_file_are_is_told(redis_url, ours, tmp_path):
    path = ours.write_crl(tmp_path / "lists.pem", ours.issue("CP-1")[0])
    files = TlsFiles(*ours.issue("gateway", ip=["127.0.0.1"]), ours.path, path)
    keeper = TlsKeeper(files)

    async def main():
        async with running(redis_url, tls=keeper, limits=LIMITS) as world:
            await until(lambda: world.doors.lists, "the lists")
            first = list(world.doors.lists)
            ours.write_crl(path, *(ours.issue("CP-1")[0] for _ in range(2)))
            await until(lambda: world.doors.lists[0].entries == 2, "the new list")
            return first

    (told,) = run(main())
    assert (told.issuer, told.entries) == ("CN=Operator CA", 1)
    assert told.next_update > told.this_update
