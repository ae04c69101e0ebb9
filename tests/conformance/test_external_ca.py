"""Stations' certificates from the operator's own CA, over real HTTP and real X.509."""

import json
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from charge_points import tasks
from charge_points.models import (
    Command,
    SecurityEvent,
    SigningRequest,
    StationCertificate,
)
from charge_points.services import public_keys
from charge_points.services.public_keys import external
from tests.conformance.pki import PEM, accept, chain_of, csr, sign

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class OwnCa:
    """A sub-CA below a root that signs what it is asked for, or something else."""

    def __init__(self):
        self.root_key = ec.generate_private_key(ec.SECP256R1())
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.root = self._ca(named("Own root"), named("Own root"), self.root_key)
        self.sub = self._ca(named("Own CA"), named("Own root"), self.key)
        self.asked = []
        self.changes = {}
        self.status = 200
        self.body = None

    def _ca(self, subject, issuer, key):
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + 100 * DAY)
            .add_extension(
                x509.BasicConstraints(ca=True, path_length=None), critical=True
            )
            .sign(self.root_key, hashes.SHA256())
        )

    def leaf(self, asked):
        now = datetime.now(UTC)
        what = {
            "key": x509.load_pem_x509_csr(asked["csr"].encode()).public_key(),
            "name": asked["charge_point"],
            "from": now - DAY,
            "until": now + 90 * DAY,
            "usage": ExtendedKeyUsageOID.CLIENT_AUTH,
            "signer": self.key,
            "number": x509.random_serial_number(),
            "ca": False,
            **self.changes,
        }
        return (
            x509.CertificateBuilder()
            .subject_name(named(what["name"]))
            .issuer_name(self.sub.subject)
            .public_key(what["key"])
            .serial_number(what["number"])
            .not_valid_before(what["from"])
            .not_valid_after(what["until"])
            .add_extension(x509.ExtendedKeyUsage([what["usage"]]), critical=False)
            .add_extension(
                x509.BasicConstraints(ca=what["ca"], path_length=None), critical=True
            )
            .sign(what["signer"], hashes.SHA256())
        )

    def answer(self, headers, asked):
        self.asked.append((headers, asked))
        if self.body is not None:
            return self.status, self.body
        chain = (self.leaf(asked), self.sub)
        text = b"".join(each.public_bytes(PEM) for each in chain).decode()
        return self.status, json.dumps({"certificate_chain": text}).encode()


@pytest.fixture
def ca(settings):
    own = OwnCa()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            asked = json.loads(self.rfile.read(length))
            status, body = own.answer(dict(self.headers), asked)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings.STATION_CA_URL = f"http://127.0.0.1:{server.server_port}/sign"
    settings.STATION_CA_TOKEN = "a token of the CA"
    settings.OUTGOING_NETWORKS = ["127.0.0.0/8"]
    yield own
    server.shutdown()
    server.server_close()
    thread.join()


def signed_commands():
    return Command.objects.filter(action="CertificateSigned")


def test_a_request_goes_to_the_ca_and_its_chain_to_the_station(station, ca):
    text = csr(station.identity)
    assert sign(station, text) == "Accepted"
    # The gateway asked nobody: a worker does.
    assert ca.asked == []
    assert not signed_commands().exists()

    assert tasks.ask_station_ca() == 1

    ((headers, asked),) = ca.asked
    assert headers["Authorization"] == "Bearer a token of the CA"
    assert asked == {"csr": text, "charge_point": station.identity, "operator": "op"}
    command = signed_commands().get()
    leaf, sub = chain_of(command)
    leaf.verify_directly_issued_by(sub)
    assert sub == ca.sub
    accept(station, command)
    row = StationCertificate.objects.get()
    assert (row.state, row.authority) == ("installed", None)
    # Asked again, it is the same one, and the CA has no work.
    station.later(60)
    assert sign(station, text) == "Accepted"
    assert external.work(at=station.now) == 0
    assert [c.payload for c in signed_commands()] == [command.payload] * 2
    assert len(ca.asked) == 1


def test_what_the_ca_signed_is_renewed_and_kept_out_when_it_is_revoked(station, ca):
    ca.changes = {"until": datetime.now(UTC) + 20 * DAY}
    sign(station, csr(station.identity))
    external.work(at=station.now)
    accept(station, signed_commands().get())
    assert public_keys.renew_due(at=station.now) == 1
    row = StationCertificate.objects.get()
    public_keys.revoke(
        serial_number=row.serial_number,
        operator_ids=[station.operator_id],
        reason="keyCompromise",
        by="test",
        at=station.now,
    )
    assert row.serial_number in public_keys.revoked_serials()


STRANGER = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"key": STRANGER.public_key()}, "another key"),
        ({"name": "CP-OTHER"}, "is not for"),
        ({"from": datetime.now(UTC) + DAY}, "not valid now"),
        ({"until": datetime.now(UTC) - DAY / 2}, "not valid now"),
        ({"usage": ExtendedKeyUsageOID.SERVER_AUTH}, "not meant for clients"),
        ({"signer": STRANGER}, "cannot be read"),
        ({"ca": True}, "that of a CA"),
    ],
    ids=["key", "name", "early", "late", "server", "unsigned", "ca"],
)
def test_a_certificate_that_is_not_the_stations_never_reaches_it(
    station, ca, changes, word
):
    ca.changes = changes
    sign(station, csr(station.identity))

    assert external.work(at=station.now) == 0

    assert not signed_commands().exists()
    assert not StationCertificate.objects.exists()
    row = SigningRequest.objects.get()
    assert (row.state, row.attempts) == ("waiting", 1)
    assert word in row.detail
    # Put right, it goes on by itself.
    ca.changes = {}
    station.later(61)
    assert external.work(at=station.now) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"no JSON"),
        (200, b"[]"),
        (200, b'{"certificate_chain": ""}'),
        (200, b'{"certificate_chain": "x"}'),
        (200, b'{"certificate_chain": null}'),
        (200, json.dumps({"certificate_chain": "x" * 10_001}).encode()),
        (202, b'{"certificate_chain": "x"}'),
        (500, b""),
        (503, b"{}"),
        (429, b"{}"),
        (302, b"{}"),
    ],
)
def test_what_is_no_chain_is_asked_for_again_later(station, ca, status, body):
    ca.status, ca.body = status, body
    sign(station, csr(station.identity))
    assert external.work(at=station.now) == 0
    assert external.work(at=station.now) == 0
    assert len(ca.asked) == 1
    station.later(61)
    external.work(at=station.now)
    assert len(ca.asked) == 2
    assert SigningRequest.objects.get().state == "waiting"
    assert not SecurityEvent.objects.exists()


def test_a_refusal_is_final_and_told_until_the_station_asks_again(station, ca):
    ca.status, ca.body = 403, b"{}"
    text = csr(station.identity)
    sign(station, text)
    external.work(at=station.now)
    station.later(100_000)
    external.work(at=station.now)
    assert len(ca.asked) == 1
    event = SecurityEvent.objects.get()
    assert (event.kind, event.charge_point_id) == ("CertificateNotIssued", station.id)
    assert "403" in event.detail
    ca.status, ca.body = 200, None
    sign(station, text)
    assert external.work(at=station.now) == 1


def test_a_ca_that_stays_away_is_told_in_the_end(station, ca, settings):
    settings.STATION_CA_URL = "http://127.0.0.1:9/sign"
    sign(station, csr(station.identity))
    for _ in range(external.ATTEMPTS_MAX):
        external.work(at=station.now)
        station.later(6 * 3600 + 1)
    assert SigningRequest.objects.get().state == "refused"
    assert SecurityEvent.objects.get().kind == "CertificateNotIssued"
    assert external.work(at=station.now) == 0


def test_the_guard_stands_before_the_ca_too(station, ca, settings):
    settings.OUTGOING_NETWORKS = []
    sign(station, csr(station.identity))
    external.work(at=station.now)
    assert ca.asked == []
    assert "not public" in SigningRequest.objects.get().detail


def test_a_number_that_is_known_breaks_nothing(station, ca):
    ca.changes = {"number": 7}
    sign(station, csr(station.identity))
    sign(station, csr(station.identity))
    assert external.work(at=station.now) == 1
    details = set(SigningRequest.objects.values_list("detail", flat=True))
    assert details == {"", "Its number is known."}


def test_a_station_that_asks_in_a_loop_is_stopped_before_the_ca(station, ca):
    for _ in range(external.REQUESTS_MAX):
        assert sign(station, csr(station.identity)) == "Accepted"
    assert sign(station, csr(station.identity)) == "Rejected"
    assert SecurityEvent.objects.get().kind == "InvalidCsr"


def test_a_bad_request_never_reaches_the_ca(station, ca):
    assert sign(station, csr("CP-OTHER")) == "Rejected"
    external.work(at=station.now)
    assert ca.asked == []
