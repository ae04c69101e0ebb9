"""Revocation lists of client CAs: fetched over HTTP, watched, told when old."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.test import Client
from django.urls import reverse

from charge_points import tasks
from charge_points.events import SECURITY_EVENT_RAISED
from charge_points.gateway.service_doors import ServiceDoors
from charge_points.models import ChargePoint, ClientRevocationList, SecurityEvent
from charge_points.services import client_lists
from charge_points.services.revocation_lists import facts_of, lists_in
from cpms.outbox.models import EventRecord
from tests.integration.charge_points.admin_world import (
    _no_collected_files,  # noqa: F401 - a fixture
    make_staff,
)

DAY = timedelta(days=1)


class Issuer:
    """A client CA that publishes lists."""

    def __init__(self, name="Operator CA"):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(self.name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - DAY)
            .not_valid_after(now + 10 * DAY)
            .add_extension(
                x509.BasicConstraints(ca=True, path_length=None), critical=True
            )
            .sign(self.key, hashes.SHA256())
        )

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def list(self, *numbers, made=timedelta(0), due=DAY):
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(now + made)
            .next_update(now + due)
        )
        for number in numbers:
            row = x509.RevokedCertificateBuilder().revocation_date(now)
            builder = builder.add_revoked_certificate(row.serial_number(number).build())
        signed = builder.sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.DER)


@contextmanager
def published(answers):
    """A web server that answers with what is put into ``answers`` (path -> ...)."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = answers.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/list.crl"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def issuer():
    return Issuer()


@pytest.fixture
def shop(settings, issuer, tmp_path, db):
    """Answers by path; the settings name the address and the CA."""
    path = tmp_path / "client-ca.pem"
    path.write_bytes(issuer.pem)
    answers = {}
    with published(answers) as url:
        settings.CLIENT_CRL_URLS = [url]
        settings.CLIENT_CA_FILE = str(path)
        settings.OUTGOING_NETWORKS = ["127.0.0.0/8"]
        answers["url"] = url
        yield answers


def put(shop, body, status=200):
    shop["/list.crl"] = status, body


def fetch():
    client_lists.fetch_all(at=datetime.now(UTC))
    return ClientRevocationList.objects.get()


def test_a_list_is_fetched_and_reaches_the_gateway(shop, issuer):
    der = issuer.list(7, 8)
    put(shop, der)
    row = fetch()
    assert (row.issuer, row.entries, row.fault) == ("CN=Operator CA", 2, "")
    doors = ServiceDoors("n")
    assert doors.trust().lists == (der,)

    put(shop, issuer.list(7, 8, 9))
    fetch()
    assert len(lists_in(doors.trust().lists[0])[0]) == 3
    # Nothing new is no wake-up and no other list.
    assert client_lists.fetch_all(at=datetime.now(UTC)) == 0


def as_pem(der):
    (listed,) = lists_in(der)
    return listed.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda _: (200, b""), "not one revocation list"),
        (lambda _: (200, b"<html>"), "not one revocation list"),
        (
            lambda issuer: (200, as_pem(issuer.list()) + as_pem(issuer.list())),
            "not one revocation list",
        ),
        (lambda _: (500, b"oops"), "answered 500"),
        (lambda _: (200, Issuer().list(7)), "None of the CAs"),
        (lambda _: (200, Issuer("Other").list(7)), "None of the CAs"),
        (lambda issuer: (200, issuer.list(made=-DAY)), "known one is newer"),
        (lambda _: (200, b"x" * client_lists.LIST_BYTES_MAX), "more than"),
    ],
    ids=["empty", "html", "two", "500", "twin", "foreign", "older", "huge"],
)
def test_what_is_no_newer_list_of_ours_leaves_the_known_one(shop, issuer, make, word):
    good = issuer.list(7)
    put(shop, good)
    fetch()
    status, body = make(issuer)
    put(shop, body, status)
    row = fetch()
    assert word in row.fault
    assert bytes(row.der) == good
    assert ServiceDoors().trust().lists == (good,)


def test_a_list_in_pem_is_taken(shop, issuer):
    put(shop, as_pem(issuer.list(7)))
    assert fetch().entries == 1


def test_the_guard_keeps_lists_out_of_our_own_network(shop, issuer, settings):
    settings.OUTGOING_NETWORKS = []
    put(shop, issuer.list(7))
    row = fetch()
    assert "not public" in row.fault
    assert row.this_update is None


def test_without_the_cas_no_list_is_believed(shop, issuer, settings):
    settings.CLIENT_CA_FILE = ""
    put(shop, issuer.list(7))
    assert "CLIENT_CA_FILE" in fetch().fault


def test_an_address_that_is_configured_no_more_counts_no_more(shop, issuer, settings):
    put(shop, issuer.list(7))
    fetch()
    settings.CLIENT_CRL_URLS = []
    tasks.fetch_revocation_lists()
    assert not ClientRevocationList.objects.exists()
    assert ServiceDoors().trust().lists == ()


def told():
    rows = SecurityEvent.objects.filter(kind="RevocationListStale").order_by("pk")
    return [(row.operator_id, row.charge_point_id, row.severity) for row in rows]


def test_an_old_list_is_an_alarm_once_a_day_until_a_newer_one_comes(
    shop, issuer, station, stranger
):
    # Only who has chargers with certificates is concerned.
    ChargePoint.objects.filter(pk=station.id).update(security_profile=3)
    put(shop, issuer.list(7, made=-2 * DAY, due=-DAY))
    tasks.fetch_revocation_lists()
    tasks.fetch_revocation_lists()
    assert told() == [(station.operator_id, None, "critical")]
    (event,) = EventRecord.objects.filter(topic=SECURITY_EVENT_RAISED)
    assert event.payload["charge_point"] == "network"
    assert event.payload["charge_point_id"] is None
    body = Client().get("/readyz").json()
    assert body["status"] == "ready"
    assert "CN=Operator CA is past its date" in body["warnings"][0]
    metrics = Client().get("/metrics").content.decode()
    line = next(
        each
        for each in metrics.splitlines()
        if each.startswith("cpms_client_crl_remaining_seconds{")
    )
    assert float(line.rsplit(" ", 1)[1]) < 0

    tomorrow = datetime.now(UTC) + timedelta(days=1, minutes=1)
    assert client_lists.warn_of_stale(at=tomorrow) == 1
    put(shop, issuer.list(7))
    tasks.fetch_revocation_lists()
    assert len(told()) == 2
    assert ClientRevocationList.objects.get().warned_at is None
    assert "warnings" not in Client().get("/readyz").json()


def test_an_address_that_never_gave_a_list_is_an_alarm(shop, station):
    ChargePoint.objects.filter(pk=station.id).update(security_profile=3)
    tasks.fetch_revocation_lists()
    assert told() == [(station.operator_id, None, "critical")]
    assert "answered 404" in SecurityEvent.objects.get().detail


def facts(issuer, **times):
    (listed,) = lists_in(issuer.list(7, **times))
    return facts_of(listed)


def test_a_gateways_file_is_watched_too(issuer, station):
    ChargePoint.objects.filter(pk=station.id).update(security_profile=3)
    doors = ServiceDoors("north-1")
    doors.report_lists([facts(issuer, made=-2 * DAY, due=-DAY)])
    now = datetime.now(UTC)
    assert client_lists.warn_of_stale(at=now) == 1
    assert "node north-1" in SecurityEvent.objects.get().detail
    # The file was replaced; then the gateway went for good.
    doors.report_lists([facts(issuer), facts(Issuer("Second"))])
    assert client_lists.warn_of_stale(at=now) == 0
    assert ClientRevocationList.objects.count() == 2
    doors.report_lists([facts(issuer)])
    assert ClientRevocationList.objects.get().issuer == "CN=Operator CA"
    client_lists.fetch_all(at=now + timedelta(days=3))
    assert not ClientRevocationList.objects.exists()


def test_the_page_is_the_platforms(client, shop, issuer, station, as_role):
    put(shop, issuer.list(7, made=-2 * DAY, due=-DAY))
    fetch()
    page = reverse("admin:charge_points_clientrevocationlist_changelist")
    events = reverse("admin:charge_points_securityevent_changelist")
    ChargePoint.objects.filter(pk=station.id).update(security_profile=3)
    client_lists.warn_of_stale(at=datetime.now(UTC))
    client.force_login(make_staff("o@example.org", station.operator_id))
    with as_role("app"):
        assert client.get(page).status_code == 403
        assert "RevocationListStale" in client.get(events).content.decode()
    client.force_login(make_staff("p@example.org", is_superuser=True))
    with as_role("app"):
        shown = client.get(page).content.decode()
    assert "Operator CA" in shown
    assert "past its date" in shown
