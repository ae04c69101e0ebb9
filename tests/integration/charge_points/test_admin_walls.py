"""Who sees what in the network's pages, and in how many statements."""

import pytest
from django.urls import reverse

from charge_points.models import (
    ChargingCertificate,
    Command,
    Connector,
    IdToken,
    QuirkCount,
    SecurityEvent,
    Site,
    Transaction,
)
from tests.integration.charge_points.admin_world import (
    _no_collected_files,  # noqa: F401 - a fixture
    certificate,
    fill,
    gateway,
    make_staff,
)
from tests.integration.charge_points.world import make_station

LISTS = [
    "chargepoint",
    "connector",
    "site",
    "command",
    "transaction",
    "idtoken",
    "chargingcertificate",
    "securityevent",
    "quirkcount",
]
PAGES = ["messages", "configuration", "send"]


def list_url(name):
    return reverse(f"admin:charge_points_{name}_changelist")


def change_url(name, key):
    return reverse(f"admin:charge_points_{name}_change", args=[key])


def rows_of(station):
    """One row of each kind at this station, by the name of its model."""
    mine = {"charge_point_id": station.id}
    return {
        "chargepoint": station.id,
        "connector": station.connector().pk,
        "site": station.row.site_id,
        "command": Command.objects.filter(**mine).first().pk,
        "transaction": Transaction.objects.filter(**mine).first().pk,
        "idtoken": IdToken.objects.get(operator_id=station.operator_id).pk,
        "chargingcertificate": ChargingCertificate.objects.get(**mine).pk,
        "securityevent": SecurityEvent.objects.filter(**mine).first().pk,
        "quirkcount": QuirkCount.objects.filter(**mine).first().pk,
    }


@pytest.fixture
def both(station, stranger):
    """A filled station of each of two operators."""
    fill(station)
    fill(stranger)
    certificate(station, jti="a" * 43)
    certificate(stranger, jti="b" * 43)
    return station, stranger


@pytest.fixture
def web(client, both, as_role):
    """The first operator's owner, served under the web's own database role."""
    client.force_login(make_staff("owner@example.org", both[0].operator_id))
    with as_role("app"):
        yield client


@pytest.mark.parametrize("name", LISTS)
def test_a_list_shows_the_users_own_rows_only(web, both, name):
    page = web.get(list_url(name))
    assert page.status_code == 200
    found = {row.operator_id for row in page.context["cl"].result_list}
    assert found == {both[0].operator_id}


@pytest.mark.parametrize("name", LISTS)
def test_a_page_of_another_operator_does_not_exist(web, both, name):
    with gateway():
        own, foreign = rows_of(both[0])[name], rows_of(both[1])[name]
    assert web.get(change_url(name, own)).status_code == 200
    assert web.get(change_url(name, foreign)).status_code in {302, 404}


@pytest.mark.parametrize("page", PAGES)
def test_pages_beside_a_foreign_charge_point_do_not_exist(web, both, page):
    name = f"admin:charge_points_chargepoint_{page}"
    assert web.get(reverse(name, args=[both[0].id])).status_code == 200
    assert web.get(reverse(name, args=[both[1].id])).status_code == 404


@pytest.mark.parametrize("name", LISTS)
def test_the_first_wall_holds_without_the_second(client, both, name):
    """The database role of the tests sees everything; the queryset alone filters."""
    client.force_login(make_staff("o@example.org", both[0].operator_id))
    page = client.get(list_url(name))
    found = {row.operator_id for row in page.context["cl"].result_list}
    assert found == {both[0].operator_id}


@pytest.mark.parametrize("name", LISTS)
def test_platform_staff_sees_all_operators(client, both, name, as_role):
    client.force_login(make_staff("root@example.org", is_superuser=True))
    with as_role("app"):
        page = client.get(list_url(name))
    found = {row.operator_id for row in page.context["cl"].result_list}
    assert found == {both[0].operator_id, both[1].operator_id}


@pytest.mark.parametrize("name", LISTS)
def test_staff_without_operator_sees_nothing(client, both, name):
    client.force_login(make_staff("nobody@example.org"))
    assert client.get(list_url(name)).status_code == 403


@pytest.mark.parametrize("name", LISTS)
def test_people_who_are_not_logged_in_are_asked_to(client, db, name):
    answer = client.get(list_url(name))
    assert answer.status_code == 302
    assert "/login/" in answer["Location"]


def statements(client, url, django_assert_num_queries=None):
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    with CaptureQueriesContext(connection) as caught:
        assert client.get(url).status_code == 200
    return len(caught)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_as_many_statements_for_many_rows_as_for_few(
    client, both, name, as_role
):
    client.force_login(make_staff("o@example.org", both[0].operator_id))
    with as_role("app"):
        client.get(list_url(name))  # content types are remembered from then on
        few = statements(client, list_url(name))
    for number in range(3, 9):
        more = make_station(f"CP-{number}", "one", site=f"Site {number}")
        fill(more, tag=str(number))
        certificate(more, jti=str(number) * 43)
    assert Connector.objects.filter(operator_id=both[0].operator_id).count() == 14
    with as_role("app"):
        assert statements(client, list_url(name)) == few


def test_the_page_of_a_charge_point_costs_as_many_statements_when_much_happened(
    client, both, as_role
):
    client.force_login(make_staff("o@example.org", both[0].operator_id))
    url = change_url("chargepoint", both[0].id)
    with as_role("app"):
        client.get(url)
        few = statements(client, url)
    from tests.integration.charge_points.world import later  # noqa: PLC0415

    for number in range(3, 9):
        fill(both[0], tag=str(number), at=later(hours=number))
    with as_role("app"):
        assert statements(client, url) == few


def test_the_operator_filter_offers_nothing_to_a_member_of_one(web):
    page = web.get(list_url("chargepoint"))
    assert "By operator" not in page.content.decode()


def test_the_operator_filter_offers_a_members_own_operators(client, both, as_role):
    user = make_staff("two@example.org", both[0].operator_id)
    user.membership_set.create(operator_id=both[1].operator_id, role="viewer")
    client.force_login(user)
    with as_role("app"):
        page = client.get(f"{list_url('connector')}?operator={both[1].operator_id}")
        broken = client.get(f"{list_url('connector')}?operator=x")
    assert {row.operator_id for row in page.context["cl"].result_list} == {
        both[1].operator_id
    }
    assert list(broken.context["cl"].result_list) == []


def test_nothing_of_the_network_is_deleted_from_the_admin(client, both):
    client.force_login(make_staff("root@example.org", is_superuser=True))
    own = rows_of(both[0])
    for name in LISTS:
        url = reverse(f"admin:charge_points_{name}_delete", args=[own[name]])
        assert client.post(url, {"post": "yes"}).status_code in {302, 403, 404}, name
    assert Site.objects.filter(pk=own["site"]).exists()
    assert rows_of(both[0]) == own


def test_a_page_takes_no_form(web, both):
    url = change_url("chargepoint", both[0].id)
    assert web.post(url, {"identity": "other"}).status_code == 403
