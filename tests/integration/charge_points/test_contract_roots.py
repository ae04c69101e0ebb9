"""Whose contract certificates count: over REST and on the console's page."""

import pytest
from cryptography.hazmat.primitives import serialization
from django.urls import reverse
from django.utils import timezone

from charge_points.models import ContractRoot
from charge_points.services import contract_roots
from cpms.accounts.models import AuditEntry
from simulators.v2g import TestPki
from tests.integration.charge_points.admin_world import (
    _no_collected_files,  # noqa: F401 - a fixture
    make_staff,
)
from tests.integration.charge_points.api_world import problem_of, system_of

ROOTS = "/api/v1/operator/contract-roots"
LIST = reverse("admin:charge_points_contractroot_changelist")
ADD = reverse("admin:charge_points_contractroot_add")


@pytest.fixture(scope="module")
def pki():
    return TestPki.new()


def pem(pki, name="mo-root"):
    certificate = pki.authorities[name].certificate
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def of_all(pki, name="v2g-root"):
    """A root of the platform."""
    return contract_roots.add(
        pem=pem(pki, name), operator_id=None, by="test", at=timezone.now()
    )


def deeds():
    rows = AuditEntry.objects.filter(action__startswith="contract_root")
    return list(rows.order_by("id").values_list("action", "operator_id"))


def test_an_operator_adds_lists_and_removes_its_roots(station, stranger, as_role, pki):
    ours, theirs = system_of(as_role), system_of(as_role, "two")
    of_all(pki)

    made = ours.post(ROOTS, {"certificate_pem": pem(pki)}, key="a")
    again = ours.post(ROOTS, {"certificate_pem": pem(pki)}, key="b")

    assert (made.status_code, again.status_code) == (201, 201), made.content
    row = made.json()
    assert again.json()["id"] == row["id"]
    assert row["operator"] == "one"
    assert "MO test root" in row["subject"]
    assert {(each["operator"]) for each in ours.rows(ROOTS)} == {"one", None}
    assert [each["operator"] for each in theirs.rows(ROOTS)] == [None]
    assert problem_of(theirs.delete(f"{ROOTS}/{row['id']}")) == (404, "unknown_root")
    assert ours.delete(f"{ROOTS}/{row['id']}").status_code == 204
    assert problem_of(ours.delete(f"{ROOTS}/{row['id']}")) == (404, "unknown_root")
    mine = ("contract_root.added", station.operator_id)
    gone = ("contract_root.removed", station.operator_id)
    assert deeds()[1:] == [mine, gone]


def test_the_platforms_roots_are_not_an_operators_to_remove(station, as_role, pki):
    row = of_all(pki)
    answer = system_of(as_role).delete(f"{ROOTS}/{row.pk}")
    assert problem_of(answer) == (404, "unknown_root")
    assert ContractRoot.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("text", ["x", "", "-----BEGIN CERTIFICATE-----\nAA"])
def test_what_is_no_root_is_refused(station, as_role, text):
    answer = system_of(as_role).post(ROOTS, {"certificate_pem": text})
    assert answer.status_code in {400, 422}
    assert not ContractRoot.objects.exists()


def test_a_contract_is_no_root(station, as_role, pki):
    leaf = pki.contract("DE8AA1A2B3C4D59").leaf
    text = leaf.public_bytes(serialization.Encoding.PEM).decode()
    answer = system_of(as_role).post(ROOTS, {"certificate_pem": text})
    assert problem_of(answer) == (422, "root_invalid")


def test_rights_decide_who_adds(station, as_role, pki):
    reader = system_of(as_role, "one", "charge_points:read")
    answer = reader.post(ROOTS, {"certificate_pem": pem(pki)})
    assert answer.status_code == 403
    assert reader.get(ROOTS).status_code == 200
    nobody = system_of(as_role, "one", "orders:read")
    assert nobody.get(ROOTS).status_code == 403


@pytest.mark.parametrize("role", ["owner", "technician"])
def test_the_page_adds_and_takes_away(client, station, stranger, as_role, pki, role):
    client.force_login(make_staff("a@example.org", station.operator_id, role))
    form = {"operator": station.operator_id, "certificate_pem": pem(pki)}
    with as_role("app"):
        added = client.post(ADD, form)
        page = client.get(LIST).content.decode()
    assert added.status_code == 302, added.content.decode()[:2000]
    row = ContractRoot.objects.get()
    assert (row.operator_id, row.added_by) == (station.operator_id, "a@example.org")
    assert "MO test root" in page

    with as_role("app"):
        gone = client.post(LIST, {"action": "distrust", "_selected_action": row.pk})
    assert gone.status_code == 302
    assert not ContractRoot.objects.exists()
    assert [action for action, _ in deeds()] == [
        "contract_root.added",
        "contract_root.removed",
    ]


def test_who_only_looks_changes_nothing(client, station, as_role, pki):
    row = of_all(pki)
    client.force_login(make_staff("v@example.org", station.operator_id, "viewer"))
    form = {"operator": station.operator_id, "certificate_pem": pem(pki)}
    with as_role("app"):
        assert client.get(LIST).status_code == 200
        assert client.post(ADD, form).status_code == 403
        client.post(LIST, {"action": "distrust", "_selected_action": row.pk})
    assert list(ContractRoot.objects.all()) == [row]


def test_an_operator_cannot_touch_other_roots(client, station, stranger, as_role, pki):
    platform = of_all(pki)
    theirs = contract_roots.add(
        pem=pem(pki),
        operator_id=stranger.operator_id,
        by="test",
        at=timezone.now(),
    )
    client.force_login(make_staff("o@example.org", station.operator_id, "owner"))
    with as_role("app"):
        page = client.get(LIST).content.decode()
        for row in (platform, theirs):
            client.post(LIST, {"action": "distrust", "_selected_action": row.pk})
        elsewhere = {
            "operator": stranger.operator_id,
            "certificate_pem": pem(pki, "mo-sub1"),
        }
        answer = client.post(ADD, elsewhere)
        for_all = client.post(ADD, {"certificate_pem": pem(pki, "mo-sub1")})
    assert "V2G test root" in page
    assert "MO test root" not in page
    assert {answer.status_code, for_all.status_code} <= {200, 403}
    assert set(ContractRoot.objects.all()) == {platform, theirs}


def test_the_platform_adds_for_all(client, station, as_role, pki):
    client.force_login(make_staff("p@example.org", is_superuser=True))
    with as_role("app"):
        answer = client.post(ADD, {"operator": "", "certificate_pem": pem(pki)})
        bad = client.post(ADD, {"operator": "", "certificate_pem": "nothing"})
    assert (answer.status_code, bad.status_code) == (302, 200)
    assert "one CA certificate in PEM" in bad.content.decode()
    assert ContractRoot.objects.get().operator_id is None
