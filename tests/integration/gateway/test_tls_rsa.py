"""Stations of 1.6 that know RSA alone: 2,048 bits, in both directions."""

import asyncio
import ssl

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from charge_points.gateway.tls import TlsFiles, TlsKeeper
from tests.integration.gateway.authority import Authority, Wish
from tests.integration.gateway.test_tls_matrix import (
    CALM,
    client_tls,
    knock,
    s_client,
)
from tests.integration.gateway.world import run, running

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table")]
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def rsa_key(bits=2048):
    return rsa.generate_private_key(public_exponent=65_537, key_size=bits)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ours"), "Operator CA")


@pytest.fixture(scope="module")
def keeper(ours):
    """A gateway whose own certificate is RSA too."""
    wish = Wish(ip=("127.0.0.1",), key=rsa_key())
    return TlsKeeper(TlsFiles(*ours.make("gateway", wish), ours.path))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("bits", "expected"), [(2048, {101}), (1024, {403, "tls"})])
def test_a_station_with_an_rsa_key_connects_when_it_is_long_enough(
    redis_url, ours, keeper, version, bits, expected
):
    leaf = ours.make("CP-1", Wish(key=rsa_key(bits)))

    async def main():
        async with running(redis_url, tls=keeper, limits=CALM) as world:
            world.doors.add("CP-1", security_profile=3)
            context = client_tls(ours, None, version)
            # What the station's own TLS thinks of short keys is not asked here.
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            context.load_cert_chain(*leaf)
            return await knock(world, context, "CP-1", None)

    # A short key is refused by TLS already, or by us.
    assert run(main()) in expected


@pytest.mark.parametrize(
    ("suite", "connects"),
    [
        ("AES128-GCM-SHA256", True),
        ("AES256-GCM-SHA384", True),
        ("ECDHE-RSA-AES128-GCM-SHA256", True),
        ("ECDHE-RSA-AES256-GCM-SHA384", True),
        ("AES128-SHA:@SECLEVEL=0", False),
        ("AES128-SHA256:@SECLEVEL=0", False),
        ("DHE-RSA-AES128-GCM-SHA256", False),
    ],
)
def test_a_station_without_elliptic_curves_has_the_whitepapers_suites(
    redis_url, ours, keeper, suite, connects
):
    options = (
        *("-CAfile", str(ours.path), "-verify_return_error"),
        *("-tls1_2", "-cipher", suite),
    )

    async def main():
        async with running(redis_url, tls=keeper, limits=CALM) as world:
            return await asyncio.to_thread(s_client, world.tls_port, *options)

    code, text = run(main())
    assert (code == 0 and "Verify return code: 0" in text) is connects, text
