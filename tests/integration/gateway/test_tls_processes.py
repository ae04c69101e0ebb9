"""The command itself with TLS: the built-in CA, its revocations, a new certificate."""

import asyncio
import json
import signal
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.management import CommandError, call_command
from django.utils import timezone
from websockets.exceptions import InvalidStatus

from charge_points.models import ChargePoint, SecurityEvent, StationCertificate
from charge_points.services import public_keys, wake
from tests.integration.gateway.authority import PEM, Authority, serial_of
from tests.integration.gateway.processes import client, gateway, network
from tests.integration.gateway.world import BOOT, PATIENCE_S, call, run

__all__ = ["network"]
pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def files(tmp_path):
    """(CA, certificate path, key path) of the gateway."""
    authority = Authority(tmp_path)
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    renew(authority, certificate, key)
    return authority, certificate, key


def renew(authority, certificate, key):
    made = authority.issue("gateway", ip=["127.0.0.1"])
    certificate.write_bytes(made[0].read_bytes())
    key.write_bytes(made[1].read_bytes())


def options(files):
    _, certificate, key = files
    return "--tls-port=0", f"--tls-cert={certificate}", f"--tls-key={key}"


def signed(identity, folder):
    """Have the built-in CA sign a station's request; its files and its row."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identity)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    station = ChargePoint.objects.get(identity=identity)
    public_keys.request_signature(
        charge_point_id=station.pk,
        csr=request.sign(key, hashes.SHA256()).public_bytes(PEM).decode(),
        at=timezone.now(),
    )
    row = StationCertificate.objects.select_related("authority").get(
        charge_point=station
    )
    chain, key_path = folder / "station.crt", folder / "station.key"
    chain.write_text(row.certificate_pem + row.authority.certificate_pem)
    key_path.write_bytes(
        key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return (chain, key_path), row


@pytest.fixture
def wake_ups(settings, redis_url):
    """This process wakes the gateways of the test."""
    settings.REDIS_URL = redis_url
    wake._client.cache_clear()
    yield
    wake._client.cache_clear()


@pytest.mark.usefixtures("network", "wake_ups")
def test_a_certificate_of_the_built_in_ca_opens_until_it_is_revoked(
    redis_url, files, tmp_path
):
    leaf, row = signed("CP-1", tmp_path)
    ChargePoint.objects.filter(identity="CP-1").update(security_profile=3)
    context = ssl.create_default_context(cafile=files[0].path)
    context.load_cert_chain(*leaf)

    def revoke():
        public_keys.revoke(
            serial_number=row.serial_number,
            operator_ids=[row.operator_id],
            reason="keyCompromise",
            by="tests",
            at=timezone.now(),
        )

    async def main(ready):
        url = f"wss://127.0.0.1:{ready['tls_port']}/ocpp/CP-1"
        async with client(ready, "CP-1", url=url, ssl=context) as station:
            # The signed certificate is on its way to the station, too.
            await station.send(json.dumps([2, "boot", "BootNotification", BOOT]))
            while (
                json.loads(await asyncio.wait_for(station.recv(), PATIENCE_S))[0] != 3
            ):
                pass
            await asyncio.to_thread(revoke)
            await asyncio.wait_for(station.wait_closed(), PATIENCE_S)
        with pytest.raises(InvalidStatus) as error:
            async with client(ready, "CP-1", url=url, ssl=context):
                pass
        return station.close_code, error.value.response.status_code

    with gateway(redis_url, *options(files)) as (_, ready):
        assert run(main(ready)) == (1008, 403)
    event = SecurityEvent.objects.get(kind="HandshakeRefused")
    assert event.detail.endswith("the client certificate was revoked")


def served(port, authority):
    """The serial number of the certificate that a new connection gets."""
    context = ssl.create_default_context(cafile=authority.path)
    with (
        socket.create_connection(("127.0.0.1", port), PATIENCE_S) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as shaken,
    ):
        return shaken.getpeercert()["serialNumber"].lower().lstrip("0")


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("processes", [1, 2])
def test_sighup_brings_a_new_certificate_to_all_processes(redis_url, files, processes):
    authority, certificate, key = files
    context = ssl.create_default_context(cafile=authority.path)

    async def main(process, ready):
        port = ready["tls_port"]
        url = f"wss://127.0.0.1:{port}/ocpp/CP-1"
        async with client(ready, "CP-1", url=url, ssl=context) as station:
            renew(authority, certificate, key)
            process.send_signal(signal.SIGHUP)
            wanted, streak = serial_of(certificate), 0
            loop = asyncio.get_running_loop()
            deadline = loop.time() + PATIENCE_S
            # Connections are spread over the processes: a row of them meets all.
            while streak < 20:
                assert loop.time() < deadline
                found = await asyncio.to_thread(served, port, authority)
                streak = streak + 1 if found == wanted else 0
            assert (await call(station, "BootNotification", BOOT))[0] == 3

    given = (*options(files), f"--processes={processes}")
    with gateway(redis_url, *given) as (process, ready):
        run(main(process, ready))
        assert process.poll() is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--proxy-protocol",), "need --trusted-proxy"),
        (("--client-cert-header=X",), "need --trusted-proxy"),
        (
            ("--trusted-proxy=::1", "--proxy-protocol", "--client-cert-header=X"),
            "exclude each other",
        ),
        (("--trusted-proxy=nowhere",), "address or a network"),
        (("--tls-port=0",), "--tls-cert"),
    ],
)
def test_options_that_contradict_are_refused_by_name(given, words):
    with pytest.raises(CommandError, match=words):
        call_command("ocpp_gateway", "--port=0", *given)
