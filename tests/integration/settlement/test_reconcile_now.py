"""Reconciliation on demand, and its work list as an operator walks it."""

import io
import json

import pytest
from django.core.management import call_command
from django.utils import timezone

from cpms.accounts.models import AuditEntry
from settlement import tasks
from settlement.models import LedgerLine, ProviderTransaction, ReconciliationDifference
from settlement.providers.base import ProviderUnavailable
from settlement.services import reconciliation
from tests.integration.settlement.shop import make_shop
from tests.integration.settlement.test_admin import member
from tests.integration.settlement.test_reconciliation import balance, clearing
from tests.outbox import drain

pytestmark = pytest.mark.integration
LIST = "/admin/settlement/reconciliationdifference/"
ACCOUNTS = "/admin/settlement/payeeaccount/"


def run(**options):
    out = io.StringIO()
    call_command("reconcile", json=True, stdout=out, **options)
    return json.loads(out.getvalue())


def test_the_command_compares_all_one_operators_or_one_account(shop, psp):
    other = make_shop(psp)
    shop.captured(1001)
    other.captured(700)
    found = run(operator=shop.operator.code)
    assert found == {"accounts": 1, "lines_explained": 1, "open_differences": 0}
    assert clearing(other) != other.books()["balance_minor"]
    assert run(account=other.account.reference)["lines_explained"] == 1
    assert run() == {"accounts": 2, "lines_explained": 0, "open_differences": 0}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"operator": "nobody"}, "unknown_operator"),
        ({"account": "acct_none"}, "unknown_payee_account"),
    ],
)
def test_the_command_says_what_it_does_not_know(db, options, code, capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("reconcile", json=True, **options)
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out)["error"] == code


def test_the_command_says_when_the_provider_is_away(shop, psp, capsys):
    psp.fault("refuse", path="/v1/balance_transactions", times=0)
    with pytest.raises(SystemExit):
        call_command("reconcile", json=True)
    assert json.loads(capsys.readouterr().out)["error"] == "provider_unavailable"


def test_finance_has_an_account_compared_from_the_console(shop, client, as_role):
    shop.captured(1001)
    member(client, shop.operator)
    asked = {"action": "compare", "_selected_action": [shop.account.pk]}
    with as_role("app"):
        assert client.post(ACCOUNTS, asked).status_code == 302
    assert not ProviderTransaction.objects.exists()
    drain()
    assert ProviderTransaction.objects.get().matched_at is not None
    assert clearing(shop) == shop.books()["balance_minor"]
    told = AuditEntry.objects.get(action="reconciliation.asked")
    assert told.actor == f"finance@{shop.operator.code}.example"


def test_lookers_have_nothing_compared(shop, client, as_role):
    member(client, shop.operator, "viewer")
    asked = {"action": "compare", "_selected_action": [shop.account.pk]}
    with as_role("app"):
        client.post(ACCOUNTS, asked)
    drain()
    assert not AuditEntry.objects.filter(action="reconciliation.asked").exists()


def test_an_account_of_nobody_is_not_compared(db):
    with pytest.raises(reconciliation.UnableToReconcile):
        reconciliation.ask(payee_account_id=0, by="x", at=timezone.now())


def test_every_night_each_account_is_compared_and_tried_again_when_cut_short(shop, psp):
    assert "settlement-reconcile" in tasks.BEAT_SCHEDULE
    psp.fault("error_before", path="/v1/balance_transactions", times=1)
    task = tasks.reconcile_account
    assert ProviderUnavailable in task.autoretry_for
    assert task.max_retries == tasks.RECONCILE_AGAIN_MAX
    done = task.apply((shop.account.pk,), retries=0)
    assert done.successful()


@pytest.fixture
def differing(shop, psp):
    """A charge at the provider that no order of ours knows, as a dispute's line."""
    payment = shop.captured(1000)
    psp.control("disputes", {"payment_intent": payment.provider_ref})
    reconciliation.reconcile(payee_account_id=shop.account.pk, at=timezone.now())
    return ReconciliationDifference.objects.get(resolved_at=None)


def decide(client, row, **values):
    return client.post(
        f"{LIST}{row.pk}/resolve/",
        {"resolution": "provider_fee", "note": "told by the provider", **values},
    )


def test_an_operator_explains_a_difference_and_it_is_an_entry(
    shop, differing, client, as_role
):
    member(client, shop.operator)
    with as_role("app"):
        assert differing.reference in client.get(LIST).content.decode()
        page = client.get(f"{LIST}{differing.pk}/change/").content.decode()
        assert "Post it and close" in page
        assert decide(client, differing).status_code == 302
        after = client.get(f"{LIST}{differing.pk}/change/").content.decode()
    assert "Post it and close" not in after
    assert "told by the provider" in after
    differing.refresh_from_db()
    who = f"finance@{shop.operator.code}.example"
    assert (differing.resolved_by, differing.resolved_as) == (who, "provider_fee")
    lines = LedgerLine.objects.filter(entry_id=differing.entry_id)
    assert sum(line.amount_minor for line in lines) == 0
    assert clearing(shop) == shop.books()["balance_minor"]
    assert balance(shop, "provider_fees") > 0
    told = AuditEntry.objects.get(action="difference.resolved")
    assert (told.actor, told.changes["entry"]) == (who, differing.entry_id)


@pytest.mark.parametrize(
    "values", [{"note": ""}, {"note": "no"}, {"resolution": "agreed"}]
)
def test_without_an_explanation_nothing_is_posted(
    shop, differing, client, as_role, values
):
    member(client, shop.operator)
    with as_role("app"):
        assert decide(client, differing, **values).status_code == 200
    differing.refresh_from_db()
    assert differing.resolved_at is None


def test_a_difference_is_decided_once_and_by_its_operators_finance_alone(
    shop, psp, differing, client, as_role
):
    other = make_shop(psp)
    member(client, other.operator)
    with as_role("app"):
        assert decide(client, differing).status_code == 404
    member(client, shop.operator, "viewer")
    with as_role("app"):
        assert decide(client, differing).status_code == 403
        assert client.get(f"{LIST}{differing.pk}/resolve/").status_code == 403
    member(client, shop.operator)
    with as_role("app"):
        assert decide(client, differing).status_code == 302
    before = LedgerLine.objects.count()
    with as_role("app"):
        assert decide(client, differing).status_code == 302
        assert "no open difference" in client.get(LIST).content.decode()
    assert LedgerLine.objects.count() == before
