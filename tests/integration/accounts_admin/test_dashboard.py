"""The console's first page and what it asks again while it is open."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from charge_points.models import (
    Command,
    Connector,
    Site,
    StationAuthority,
    StationCertificate,
    Transaction,
)
from cpms.accounts.dashboard import figure_key
from tests.factories import accounts
from tests.integration.charge_points.admin_world import (
    fill,
    gateway,
    make_staff,
)
from tests.integration.charge_points.world import make_station

QUERIES_MAX = 50


@pytest.fixture
def here(station):
    Site.objects.filter(operator_id=station.operator_id).update(
        latitude=Decimal("54.32"), longitude=Decimal("10.13")
    )
    return station


@pytest.fixture
def web(client, here, as_role):
    client.force_login(make_staff("viewer@example.org", here.operator_id, "viewer"))
    with as_role("app"):
        yield client


def live(web):
    answer = web.get(reverse("console:live"))
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    return answer.json()


def test_live_figures_lists_and_places_follow_the_network(web, here):
    before = live(web)
    assert [place["faulted"] for place in before["places"]] == [0]
    with gateway():
        here.tell_status("faulted", evse=2, error_code="GroundFailure")
    after = live(web)
    key = figure_key("network", "faulted connectors")
    assert before["figures"][key] == {"value": "0", "tone": ""}
    assert after["figures"][key] == {"value": "1", "tone": "danger"}
    assert {row["title"]: row["count"] for row in after["lists"]} == {
        "Faulted connectors": 1
    }
    assert "GroundFailure" in after["work"][0]["text"]
    place = after["places"][0]
    assert (place["faulted"], place["tone"]) == (1, "danger")
    assert (place["latitude"], place["longitude"]) == (54.32, 10.13)


def test_every_list_of_work_leads_to_a_page_that_opens(web, here):
    with gateway():
        fill(here, at=timezone.now() - timedelta(hours=1))
        here.tell_status("faulted", evse=2, error_code="GroundFailure")
    shown = live(web)
    assert {"Faulted connectors", "Security events in 24 h"} <= {
        row["title"] for row in shown["lists"]
    }
    for row in [*shown["lists"], *shown["work"], *shown["places"]]:
        assert web.get(row["url"]).status_code == 200, row


def test_a_failed_command_is_work_and_its_list_shows_it(web, here):
    with gateway():
        fill(here, at=timezone.now())
        Command.objects.update(state="failed", created_at=timezone.now())
    row = next(row for row in live(web)["lists"] if row["title"].startswith("Commands"))
    assert row["count"] == 1
    assert b"Reset" in web.get(row["url"]).content


def test_a_station_certificate_that_ends_within_a_week_is_work(web, here):
    now = timezone.now()
    with gateway():
        authority = StationAuthority.objects.create(
            role=StationAuthority.Role.values[0],
            certificate_pem="-",
            private_key_encrypted="-",
            created_at=now,
        )
        for number, days in enumerate((3, 300)):
            StationCertificate.objects.create(
                **here.who,
                authority=authority,
                serial_number=f"{number:x}",
                fingerprint="0" * 64,
                certificate_pem="-",
                csr_hash=f"{number}",
                state="installed",
                not_before=now - timedelta(days=30),
                not_after=now + timedelta(days=days),
                created_at=now,
            )
    row = next(row for row in live(web)["lists"] if "end soon" in row["title"])
    assert row["count"] == 1
    assert web.get(row["url"]).status_code == 200


def test_nobody_sees_another_operators_figures_or_places(client, here, as_role):
    here.tell_status("faulted", evse=2, error_code="GroundFailure")
    other = accounts.operator("elsewhere")
    client.force_login(make_staff("other@example.org", other.pk))
    with as_role("app"):
        shown = live(client)
    assert shown["places"] == []
    assert shown["work"] == []
    assert shown["figures"][figure_key("network", "faulted connectors")]["value"] == "0"


def test_who_is_not_staff_gets_no_live_figures(client, db):
    assert client.get(reverse("console:live")).status_code == 302


def test_a_member_of_no_operator_is_told_what_to_do(client, db):
    client.force_login(make_staff("nobody@example.org"))
    shown = client.get(reverse("admin:index")).content.decode()
    assert "An owner, or the platform, can add you" in shown
    assert live(client)["figures"] == {}


def test_the_first_page_draws_map_and_plots(web, here):
    now = timezone.now()
    with gateway():
        fill(here, at=now - timedelta(days=1))
        Transaction.objects.update(
            started_at=now - timedelta(days=1), ended_at=now - timedelta(hours=12)
        )
    shown = web.get(reverse("admin:index")).content.decode()
    assert "Utilisation per day" in shown
    assert '"latitude": 54.32' in shown


def test_the_map_asks_no_other_host_unless_it_is_told_one(web, settings):
    shown = web.get(reverse("admin:index")).content.decode()
    assert 'data-tiles=""' in shown
    settings.MAP_TILE_URL = "https://tiles.example/{z}/{x}/{y}.png"
    settings.MAP_ATTRIBUTION = "© Somebody"
    shown = web.get(reverse("admin:index")).content.decode()
    assert 'data-tiles="https://tiles.example/{z}/{x}/{y}.png"' in shown
    assert "© Somebody" in shown


def test_the_number_of_queries_does_not_grow_with_the_network(web, here):
    web.get(reverse("admin:index"))
    with CaptureQueriesContext(connection) as few:
        web.get(reverse("admin:index"))
    with gateway():
        for number in range(5):
            make_station(f"MORE-{number}")
            Connector.objects.update(status="faulted")
    with CaptureQueriesContext(connection) as many:
        web.get(reverse("admin:index"))
    assert len(many) <= len(few) + 2
    assert len(many) <= QUERIES_MAX


@pytest.mark.parametrize(
    ("language", "word"), [("de", "Übersicht"), ("zh-hans", "概览")]
)
def test_the_language_that_somebody_chose_stays(web, language, word):
    with translation.override("en"):  # what requests activate ends here
        answer = web.post(
            reverse("set_language"),
            {"language": language, "next": reverse("admin:index")},
        )
        assert answer.headers["Location"] == reverse("admin:index")
        assert word in web.get(reverse("admin:index")).content.decode()
