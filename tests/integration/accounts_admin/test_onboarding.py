"""A new operator finds the way to its first charge in the console."""

from decimal import Decimal
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from pypdf import PdfReader

from charge_points.admin.labels import Label, labels_pdf
from charge_points.models import ChargePoint, Site
from charge_points.services.provisioning import password_hash
from tests.factories import accounts
from tests.integration.charge_points.admin_world import gateway, make_staff

HEAD = "identity,site,security_profile,evses,connector_type,max_power_w\n"


@pytest.fixture
def web(client, operator, as_role):
    client.force_login(make_staff("tech@example.org", operator.pk, "technician"))
    with as_role("app"):
        yield client


def steps(web, **query):
    answer = web.get(reverse("console:onboarding"), query)
    assert answer.status_code == 200
    return answer.context


def upload(web, operator, text):
    return web.post(
        reverse("network:import"),
        {
            "operator": operator.pk,
            "file": SimpleUploadedFile("stations.csv", text.encode()),
        },
    )


def test_a_new_operator_begins_with_the_payee_account(web):
    shown = steps(web)
    assert [one.is_done for one in shown["steps"]] == [True] + [False] * 6
    assert shown["next"].title == "Payee account"


def test_the_first_page_names_the_next_step_until_all_are_done(web, monkeypatch):
    page = web.get(reverse("admin:index"))
    assert (page.context["guide"].number, page.context["guide"].total) == (2, 7)
    assert "To the first charge" in page.content.decode()
    monkeypatch.setattr("cpms.accounts.dashboard.next_step", lambda _operator: None)
    assert "To the first charge" not in web.get(reverse("admin:index")).content.decode()


def test_each_step_leads_to_a_page_that_opens(web, operator):
    upload(web, operator, HEAD + "CP-A,Harbour,1,2,IEC_62196_T2,22000\n")
    for one in steps(web)["steps"]:
        for link in one.links:
            assert web.get(link.url).status_code in {200, 403}, link


def test_steps_are_done_by_doing_them(web, operator):
    upload(web, operator, HEAD + "CP-A,Harbour,1,2,IEC_62196_T2,22000\n")
    with gateway():
        Site.objects.update(latitude=Decimal("54.3"), longitude=Decimal("10.1"))
    done = {one.title for one in steps(web)["steps"] if one.is_done}
    assert {"Company", "Site", "Labels"} <= done
    assert "First charge" not in done


def test_a_file_of_charge_points_is_taken_in_with_passwords_shown_once(web, operator):
    text = HEAD + "CP-A,Harbour,2,2,IEC_62196_T2,22000\nCP-B,,,,,\n"
    answer = upload(web, operator, text)
    assert "no-store" in answer["Cache-Control"]
    created = answer.context["created"]
    assert [row.identity for row in created] == ["CP-A", "CP-B"]
    assert [len(row.connector_codes) for row in created] == [2, 1]
    with gateway():
        row = ChargePoint.objects.get(identity="CP-A")
        assert row.site.name == "Harbour"
    assert row.security_profile == 2
    assert row.password_hash == password_hash(created[0].password)
    again = web.get(reverse("network:import")).content.decode()
    assert created[0].password not in again


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("CP-A,,,,,\nCP-A,,,,,\n", "Line 3"),
        ("bad identity!,,,,,\n", "Line 2"),
        ("CP-A,,one,,,\n", "whole number"),
        ("CP-A,,,,plug,\n", "no connector type"),
    ],
)
def test_one_wrong_line_creates_nothing_and_is_named(web, operator, lines, told):
    shown = upload(web, operator, HEAD + lines).content.decode()
    assert told in shown
    assert "Nothing was created" in shown
    with gateway():
        assert not ChargePoint.objects.exists()


@pytest.mark.parametrize(
    "text", ["", "name\nx\n", HEAD.replace("site", "place") + "a,b,c,d,e,f\n", "\x00"]
)
def test_a_file_that_is_none_says_what_is_wanted(web, operator, text):
    shown = upload(web, operator, text).content.decode()
    assert "charge points were added" not in shown
    assert "c-errors" in shown


def test_too_long_a_file_is_refused(web, operator):
    shown = upload(web, operator, "identity\n" + "CP\n" * 501).content.decode()
    assert "501" in shown


def test_a_viewer_takes_nothing_in(client, operator, as_role):
    client.force_login(make_staff("viewer@example.org", operator.pk, "viewer"))
    with as_role("app"):
        assert client.get(reverse("network:import")).status_code == 403


def test_labels_say_station_connector_and_code(web, operator):
    upload(web, operator, HEAD + "CP-A,Harbour,1,2,IEC_62196_T2,22000\n")
    answer = web.get(reverse("network:labels"))
    assert answer["Content-Type"] == "application/pdf"
    words = PdfReader(BytesIO(answer.content)).pages[0].extract_text()
    with gateway():
        row = ChargePoint.objects.get()
        codes = list(row.connector_set.values_list("code", flat=True))
    assert "CP-A" in words
    assert all(code in words for code in codes)


def test_labels_of_others_are_not_printed(web, operator, as_role):
    with gateway():
        other = accounts.operator("elsewhere")
    answer = web.get(reverse("network:labels"), {"operator": other.pk})
    assert answer.status_code == 404
    assert web.get(reverse("network:labels"), {"operator": "x"}).status_code == 404


def test_nineteen_labels_take_two_sheets():
    label = Label("北方充电", "CP-" + "9" * 40, "1.1", "ABCDEFGH")
    pages = PdfReader(BytesIO(labels_pdf([label] * 19))).pages
    assert len(pages) == 2
    assert "北方充电" in pages[0].extract_text()


def test_the_steps_of_another_operator_are_not_shown(web, operator):
    with gateway():
        other = accounts.operator("elsewhere")
    assert steps(web, operator=other.pk)["operator"].pk == operator.pk


def test_a_member_of_nothing_is_told_so(client, db):
    client.force_login(make_staff("nobody@example.org"))
    page = client.get(reverse("console:onboarding")).content.decode()
    assert "member of no operator" in page
