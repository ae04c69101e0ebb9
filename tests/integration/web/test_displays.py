"""What stations show on their displays: the live certificate as a QR code."""

import io
import re
from datetime import timedelta

import pytest
import segno
from django.test import Client
from django.utils import timezone

from charge_points.models import ChargingCertificate
from charge_points.services import certificates
from cpms.web.limits import MISSES_MAX


def text(response):
    return response.content.decode()


@pytest.fixture
def shown(plugged):
    """A certificate that a station would show."""
    now = timezone.now()
    return certificates.issue(
        connector_id=plugged.station.connector().pk,
        request_id="display",
        at=now,
        requested_by="display",
    )


def drawing_of(address):
    """The modules of the code for an address, as any correct encoder draws them."""
    out = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        out, kind="svg", border=4, xmldecl=False
    )
    return re.search(r' d="([^"]+)"', out.getvalue().decode())[1]


def test_a_display_shows_the_code_of_the_live_certificate(client, plugged, shown):
    page = client.get(f"/c/{shown.code}/display")
    assert page.status_code == 200
    assert drawing_of(shown.uri) in text(page)
    assert shown.uri.partition("://")[2] in text(page)
    assert plugged.operator.name in text(page)
    assert "€0.595" in text(page)
    refresh = re.search(r'http-equiv="refresh" content="(\d+)"', text(page))
    assert 1 <= int(refresh[1]) <= 10
    assert page["Cache-Control"] == "no-store"


def test_looking_at_a_display_claims_and_issues_nothing(client, shown):
    client.get(f"/c/{shown.code}/display")
    client.get(f"/c/{shown.code}/qr.svg")
    assert ChargingCertificate.objects.get().state == "issued"


def test_what_the_code_says_leads_to_the_start(client, shown):
    there = shown.uri.partition("://")[2].partition("/")[2]
    assert "Pay and start" in text(client.get(f"/{there}"))


@pytest.mark.parametrize(
    ("language", "words"),
    [("de", "Scannen und laden"), ("zh-hans", "扫码充电"), ("xx", "Scan to charge")],
)
def test_a_display_speaks_the_operators_language(client, shown, language, words):
    page = client.get(f"/c/{shown.code}/display", {"language": language})
    assert words in text(page)


def test_the_picture_alone_is_an_svg_of_the_same_code(client, shown):
    picture = client.get(f"/c/{shown.code}/qr.svg")
    assert picture["Content-Type"] == "image/svg+xml"
    assert picture["Cache-Control"] == "no-store"
    assert 'xmlns="http://www.w3.org/2000/svg"' in text(picture)
    assert drawing_of(shown.uri) in text(picture)


@pytest.mark.parametrize("end", ["claimed", "expired", "label", "guess"])
def test_a_display_shows_no_code_that_leads_nowhere(client, plugged, shown, end, label):
    code = shown.code
    if end == "claimed":
        assert client.post(f"/c/{code}/start", {"guest": "1"}).status_code == 302
    elif end == "expired":
        ChargingCertificate.objects.update(
            issued_at=timezone.now() - timedelta(seconds=180),
            expires_at=timezone.now() - timedelta(seconds=1),
        )
    else:
        code = label if end == "label" else "x" * 24
    page, picture = client.get(f"/c/{code}/display"), client.get(f"/c/{code}/qr.svg")
    assert page.status_code == picture.status_code == 404
    assert "Plug in to charge" in text(page)
    assert "<svg" not in text(page)
    assert "refresh" not in text(page)
    assert ChargingCertificate.objects.count() == 1


def test_displays_help_nobody_who_guesses(client, shown):
    for number in range(MISSES_MAX["code"]):
        client.get(f"/c/WRONG{number}")
    assert client.get(f"/c/{shown.code}/display").status_code == 404
    elsewhere = Client(REMOTE_ADDR="192.0.2.77")
    assert elsewhere.get(f"/c/{shown.code}/display").status_code == 200
