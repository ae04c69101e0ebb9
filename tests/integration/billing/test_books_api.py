"""What the console's lists show and decide, over REST."""

import pytest

from billing.models import DriverGroupMember, Tariff, TariffAssignment
from charge_points.models import IdToken, Site
from cpms.accounts.models import AuditEntry
from settlement.models import Dispute, LedgerEntry, Payment, Receivable
from tests.factories import accounts
from tests.factories.tariffs import component, ocpi
from tests.integration.billing.world import make_world
from tests.integration.charge_points.api_world import Caller, problem_of
from tests.outbox import drain

pytestmark = pytest.mark.integration
BASE = "/api/v1/operator"


def caller(operator, as_role, *scopes):
    from django.test import Client  # noqa: PLC0415

    return Caller(Client(headers=accounts.api_key(operator, *scopes)), as_role)


@pytest.fixture
def worlds(db, psp):
    found = [make_world(psp), make_world(psp, code="other", name="Other")]
    for world in found:
        world.closed()
    drain()
    return found


@pytest.fixture
def system(worlds, as_role):
    return caller(worlds[0].operator, as_role)


LISTS = [
    *("payments", "refunds", "disputes", "receivables", "reconciliation-differences"),
    *("provider-transactions", "payee-accounts", "ledger-entries"),
    *("platform-invoices", "connectors", "charging-certificates", "security-events"),
    *("sites", "id-tokens", "receipts", "cdrs", "tariffs", "tariff-assignments"),
    *("driver-groups", "driver-group-members", "audit", "corrections"),
    *("document-mails", "device-variables", "charging-limits"),
    *("customer-information", "installed-certificates"),
]


def test_every_list_shows_the_operators_own_rows_only(worlds, system):
    mine = worlds[0].operator.code
    filled = set()
    for name in LISTS:
        rows = system.rows(f"{BASE}/{name}")
        assert {row["operator"] for row in rows} <= {mine}, name
        filled |= {name} if rows else set()
    assert filled >= {
        *("payments", "payee-accounts", "ledger-entries", "connectors", "sites"),
        *("charging-certificates", "receipts", "cdrs", "tariffs", "audit"),
        "tariff-assignments",
    }


def test_rows_say_what_the_books_say(worlds, system):
    payment = Payment.objects.get(operator=worlds[0].operator)
    (row,) = system.rows(f"{BASE}/payments", state=payment.state)
    assert row["captured_minor"] == payment.captured_minor > 0
    assert system.rows(f"{BASE}/payments", order_number="nobody") == []
    for entry in system.rows(f"{BASE}/ledger-entries"):
        assert sum(line["amount_minor"] for line in entry["lines"]) == 0
    assert len(system.rows(f"{BASE}/ledger-entries")) == (
        LedgerEntry.objects.filter(operator=worlds[0].operator).count()
    )
    (receipt,) = system.rows(f"{BASE}/receipts", order_number=payment.order_number)
    (cdr,) = system.rows(f"{BASE}/cdrs", order_number=payment.order_number)
    assert cdr["amount_minor"] == payment.captured_minor
    assert receipt["order_number"] == payment.order_number


def test_keys_of_payees_are_never_shown(system):
    (row,) = system.rows(f"{BASE}/payee-accounts")
    assert not [name for name in row if "sealed" in name or "secret" in name]


def test_a_wrong_filter_is_refused_by_name(system):
    answer = system.get(f"{BASE}/payments", state="lost")
    assert problem_of(answer)[0] == 400
    assert "state" in answer.content.decode()


def test_lists_come_in_pages(worlds, system):
    for _ in range(2):
        worlds[0].closed()
    drain()
    pages = system.pages(f"{BASE}/payments", page_size=2)
    assert [len(page) for page in pages] == [2, 1]


def test_each_list_needs_its_scope(worlds, as_role):
    books = caller(worlds[0].operator, as_role, "orders:read")
    assert books.get(f"{BASE}/payments").status_code == 200
    assert books.get(f"{BASE}/connectors").status_code == 403
    assert books.post(f"{BASE}/tariffs", {"ocpi": ocpi(component())}).status_code == 403
    assert books.post(f"{BASE}/receivables/1/write-off").status_code == 403


def test_a_debt_is_written_off_once_and_by_its_own_operator_only(
    worlds, system, as_role
):
    payment = Payment.objects.get(operator=worlds[0].operator)
    debt = Receivable.objects.create(
        operator=payment.operator,
        payment=payment,
        driver=payment.driver,
        order_number=payment.order_number,
        amount_minor=100,
        currency="EUR",
        reason="test",
        opened_at=payment.created_at,
    )
    foreign = caller(worlds[1].operator, as_role)
    address = f"{BASE}/receivables/{debt.pk}/write-off"
    assert foreign.post(address).status_code == 404
    answer = system.post(address)
    assert (answer.status_code, answer.json()["state"]) == (202, "written_off")
    assert system.post(address).status_code in {202, 409}
    deeds = AuditEntry.objects.filter(action__startswith="receivable.")
    assert deeds.count() == 1


def test_a_dispute_without_evidence_says_why_nothing_is_sent(worlds, system):
    payment = Payment.objects.get(operator=worlds[0].operator)
    row = Dispute.objects.create(
        operator=payment.operator,
        payment=payment,
        provider_ref="dp_1",
        amount_minor=100,
        currency="EUR",
        opened_at=payment.created_at,
    )
    (shown,) = system.rows(f"{BASE}/disputes", state="open")
    assert shown["order_number"] == payment.order_number
    answer = system.post(f"{BASE}/disputes/{row.pk}/evidence")
    status, code = problem_of(answer)
    assert 400 <= status < 500
    assert code


@pytest.mark.parametrize("deed", ["refresh", "reconcile"])
def test_a_payee_account_is_asked_for_again(worlds, system, deed):
    (row,) = system.rows(f"{BASE}/payee-accounts")
    answer = system.post(f"{BASE}/payee-accounts/{row['id']}/{deed}")
    assert answer.status_code == 202, answer.content


def test_a_tariff_is_saved_versioned_and_assigned(worlds, system):
    given = ocpi(component(price="0.42")) | {"id": "night"}
    made = system.post(f"{BASE}/tariffs", {"ocpi": given, "name": "Night"})
    assert made.status_code == 201, made.content
    again = ocpi(component(price="0.44")) | {"id": "night"}
    assert system.post(f"{BASE}/tariffs", {"ocpi": again}).status_code == 201
    tariff = Tariff.objects.get(operator=worlds[0].operator, code="night")
    assert tariff.versions.count() == 2
    group = system.post(f"{BASE}/driver-groups", {"code": "staff"})
    assert group.status_code == 201, group.content
    asked = {"tariff": "night", "driver_group": "staff", "token_type": "APP_USER"}
    answer = system.post(f"{BASE}/tariff-assignments", asked)
    assert answer.status_code == 201, answer.content
    row = TariffAssignment.objects.get(pk=answer.json()["id"])
    assert (row.tariff_id, row.driver_group.code) == (tariff.pk, "staff")
    for wrong in ({"tariff": "day"}, asked | {"driver_group": "nobody"}):
        assert problem_of(system.post(f"{BASE}/tariff-assignments", wrong))[0] == 400
    assert problem_of(system.post(f"{BASE}/driver-groups", {"code": "staff"}))[0] == 400


def test_what_cannot_be_priced_is_refused_where_it_is_wrong(system):
    answer = system.post(f"{BASE}/tariffs", {"ocpi": {"id": "x"}})
    assert problem_of(answer)[0] == 422


def test_accounts_enter_and_leave_a_group(worlds, system, as_role):
    group = system.post(f"{BASE}/driver-groups", {"code": "staff"}).json()
    members = f"{BASE}/driver-groups/{group['id']}/members"
    email = worlds[0].person.driver.email
    made = system.post(members, {"email": email})
    assert made.status_code == 201, made.content
    assert system.post(members, {"email": email}).json()["id"] == made.json()["id"]
    (row,) = system.rows(f"{BASE}/driver-group-members", group="staff")
    foreign = caller(worlds[1].operator, as_role)
    assert foreign.post(members, {"email": email}).status_code == 404
    address = f"{BASE}/driver-group-members/{row['id']}"
    assert foreign.delete(address).status_code == 404
    assert system.delete(address).status_code == 204
    assert not DriverGroupMember.objects.exists()
    assert problem_of(system.post(members, {"email": "no@example.org"}))[0] == 422


def test_a_site_is_added_and_changed(worlds, system, as_role):
    wanted = {"name": "Yard", "country": "de", "time_zone": "Europe/Berlin"}
    made = system.post(f"{BASE}/sites", wanted)
    assert made.status_code == 201, made.content
    row = Site.objects.get(pk=made.json()["id"])
    assert (row.operator_id, row.country) == (worlds[0].operator.pk, "DE")
    assert problem_of(system.post(f"{BASE}/sites", wanted))[0] == 400
    for wrong in ({"time_zone": "Mars/Olympus"}, {"country": "D1"}):
        answer = system.post(f"{BASE}/sites", wanted | {"name": "Other"} | wrong)
        assert problem_of(answer)[0] == 400
    with as_role("app"):
        changed = system.client.patch(
            f"{BASE}/sites/{row.pk}", {"city": "Ulm"}, content_type="application/json"
        )
        assert (changed.status_code, changed.json()["city"]) == (200, "Ulm")
    foreign = caller(worlds[1].operator, as_role)
    assert foreign.get(f"{BASE}/sites/{row.pk}").status_code == 404
    actions = AuditEntry.objects.filter(action__startswith="site.")
    assert [entry.action for entry in actions.order_by("pk")][-2:] == [
        "site.created",
        "site.changed",
    ]


def test_a_token_is_written_and_written_over(worlds, system):
    wanted = {"token": "abc123", "status": "accepted", "group": "fleet"}
    made = system.post(f"{BASE}/id-tokens", wanted)
    assert made.status_code == 200, made.content
    blocked = system.post(f"{BASE}/id-tokens", wanted | {"status": "blocked"})
    assert blocked.json()["id"] == made.json()["id"]
    row = IdToken.objects.get(token_key="ABC123", operator=worlds[0].operator)
    assert (row.status, row.group_id) == ("blocked", "fleet")
    half = wanted | {"valid_from": "08:00:00"}
    assert problem_of(system.post(f"{BASE}/id-tokens", half))[1] == "hours_incomplete"


def test_members_of_several_operators_say_whose_it_shall_be(worlds, as_role):
    from tests.integration.charge_points.api_world import staff_of  # noqa: PLC0415

    codes = [world.operator.code for world in worlds]
    staff = staff_of(as_role, dict.fromkeys(codes, "owner"))
    answer = staff.post(f"{BASE}/driver-groups", {"code": "staff"})
    assert problem_of(answer)[1] == "operator_ambiguous"
    named = staff.post(f"{BASE}/driver-groups", {"code": "staff", "operator": codes[1]})
    assert (named.status_code, named.json()["operator"]) == (201, codes[1])
    foreign = staff.post(f"{BASE}/driver-groups", {"code": "s", "operator": "nobody"})
    assert problem_of(foreign)[1] == "unknown_operator"
