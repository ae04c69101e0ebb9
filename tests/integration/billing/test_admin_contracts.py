"""Contracts in the console: platform staff registers and cancels them."""

import pytest
from django.urls import reverse

from cpms.accounts.models import Contract, User
from tests.factories import accounts

pytestmark = pytest.mark.integration
ADD = reverse("admin:accounts_contract_add")
EMAID = "DE-8AA-1A2B3C4D5-9"


@pytest.fixture
def post(client, db, as_role):
    """Works as the web does: behind row level security."""
    client.force_login(
        User.objects.create_user("root@example.org", is_staff=True, is_superuser=True)
    )

    def send(address, **values):
        with as_role("app"):
            return client.post(address, values, follow=True)

    return send


def test_a_contract_is_registered_and_cancelled(post):
    driver = accounts.driver("one@example.org").driver

    post(ADD, driver=driver.pk, emaid=EMAID, label="car")

    row = Contract.objects.get()
    assert (row.driver_id, row.state, row.label) == (driver.pk, "active", "car")
    post(
        reverse("admin:accounts_contract_changelist"),
        action="cancel",
        _selected_action=row.pk,
    )
    row.refresh_from_db()
    assert row.state == "cancelled"


@pytest.mark.parametrize(
    ("emaid", "says"),
    [("DE-8AA", "14 or 15 letters and digits"), (EMAID, "registered already")],
)
def test_a_refused_contract_leads_back_to_what_was_entered(post, emaid, says):
    first = accounts.driver("one@example.org").driver
    second = accounts.driver("two@example.org").driver
    post(ADD, driver=first.pk, emaid=EMAID, label="")

    answer = post(ADD, driver=second.pk, emaid=emaid, label="my car")

    page = answer.content.decode()
    assert says in page
    assert 'value="my car"' in page
    assert Contract.objects.count() == 1
