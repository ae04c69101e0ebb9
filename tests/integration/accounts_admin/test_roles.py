"""Each role sees and does what the reference says."""

from pathlib import Path

import pytest
from django.contrib import admin
from django.urls import reverse

from cpms.accounts.admin import OperatorScopedAdmin, PlatformAdmin
from cpms.accounts.models import Membership
from cpms.accounts.roles import ROLES, acting_roles, looking_roles, reference
from tests.integration.charge_points.admin_world import gateway, make_staff

FILE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "roles.md"
PAGES = sorted(
    (
        (model._meta.label_lower, page)
        for model, page in admin.site._registry.items()
        if isinstance(page, OperatorScopedAdmin)
    ),
    key=lambda entry: entry[0],
)
PLATFORM = [
    model._meta.label_lower
    for model, page in admin.site._registry.items()
    if isinstance(page, PlatformAdmin)
]


def list_of(label):
    return reverse(f"admin:{label.replace('.', '_')}_changelist")


@pytest.fixture(params=ROLES)
def role(request):
    return request.param


@pytest.fixture
def web(client, operator, as_role, role):
    client.force_login(make_staff(f"{role}@example.org", operator.pk, role))
    with as_role("app"):
        yield client


def test_the_reference_is_what_the_pages_say():
    told = reference()
    assert FILE.read_text() == told, (
        "write docs/reference/roles.md anew: roles.reference()"
    )


def test_every_role_looks_at_the_operators_pages_but_only_owners_at_deeds_and_keys(
    web, role
):
    for label, page in PAGES:
        expected = 200 if role in looking_roles(page) else 403
        assert web.get(list_of(label)).status_code == expected, label
    of_owners = {label for label, page in PAGES if looking_roles(page) == {"owner"}}
    assert of_owners == {
        "accounts.apikey",
        "accounts.auditentry",
        "settlement.ownkeysubmission",
    }


def test_no_role_sees_the_platforms_pages(web):
    assert PLATFORM
    for label in PLATFORM:
        assert web.get(list_of(label)).status_code == 403, label


@pytest.mark.parametrize(
    ("label", "who"),
    [
        ("billing.tariff", {"owner", "finance"}),
        ("billing.tariffassignment", {"owner", "finance"}),
        ("charge_points.site", {"owner", "technician"}),
        ("charge_points.chargepoint", {"owner", "technician"}),
        ("charge_points.idtoken", {"owner", "technician"}),
    ],
)
def test_who_may_act_may_add(web, role, label, who):
    page = dict(PAGES)[label]
    assert acting_roles(page) == {Membership.Role(name) for name in who}
    answer = web.get(reverse(f"admin:{label.replace('.', '_')}_add"))
    assert answer.status_code == (200 if role in who else 403)


def test_money_is_for_owners_and_finance():
    pages = dict(PAGES)
    for label in ("settlement.payment", "settlement.dispute", "settlement.receivable"):
        assert acting_roles(pages[label]) == {"owner", "finance"}, label


def test_only_an_owner_changes_the_operator_and_its_members(web, operator, role):
    url = reverse("admin:accounts_operator_change", args=[operator.pk])
    answer = web.post(url, {"name": "Another name"})
    assert (answer.status_code != 403) == (role == "owner")
    with gateway():
        count = Membership.objects.filter(operator=operator).count()
    assert count == 1
