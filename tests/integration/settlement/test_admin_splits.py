"""Split agreements, statements and accounts in the console, as people use them."""

import csv
import io
from datetime import timedelta

import pytest
from django.utils import timezone

from cpms.accounts.models import User
from settlement.models import LedgerAccount, LedgerLine, SplitAgreement, SplitLine
from settlement.services import splits
from settlement.services.splits import Agreement, Party
from tests.integration.settlement.test_admin import member

ADD = "/admin/settlement/splitagreement/add/"
STATEMENT = "/admin/settlement/splitline/statement/"

OPERATOR = ("operator", "Operator", "operator", "", "", "", "")
HOST = ("host", "Harbour", "site_host", "15", "0.10", "0.20", "5")
PLATFORM = ("platform", "P", "platform", "5", "", "", "")


def agreed_with_the_platform(shop):
    at = timezone.now() - timedelta(days=1)
    agreement = Agreement(
        operator_id=shop.operator.pk,
        site_id=None,
        name="of the platform",
        parties=(
            Party("operator", "O", "operator"),
            Party("platform", "P", "platform", 500),
        ),
        valid_from=at,
    )
    return splits.agree(agreement, by="platform", at=at)


def form(shop, *rows, **values):
    names = ("key", "name", "role", "percent", "fixed", "least", "most")
    cells = {
        f"party-{number}-{name}": cell
        for number, row in enumerate(rows)
        for name, cell in zip(names, row, strict=True)
    }
    return {
        "operator": shop.operator.pk,
        "name": "Harbour",
        "party-TOTAL_FORMS": len(rows),
        "party-INITIAL_FORMS": 0,
        **cells,
        **values,
    }


def test_the_form_begins_with_the_parties_in_force(shop, client, as_role):
    agreed_with_the_platform(shop)
    member(client, shop.operator)
    with as_role("app"):
        page = client.get(ADD).content.decode()
    assert 'value="platform"' in page
    assert 'value="5"' in page


def test_a_preview_divides_charges_and_agrees_nothing(shop, client, as_role):
    member(client, shop.operator)
    with as_role("app"):
        page = client.post(ADD, form(shop, OPERATOR, HOST, _preview="1"))
    text = page.content.decode()
    # 10.01: 15 % and 0.10 are 1.6015, rounded by the largest remainder.
    assert "8.41 EUR" in text
    assert "1.60 EUR" in text
    assert not SplitAgreement.objects.exists()


def test_finance_agrees_on_a_split_for_a_charge_point(shop, client, as_role):
    agreed_with_the_platform(shop)
    member(client, shop.operator)
    with as_role("app"):
        answer = client.post(
            ADD, form(shop, OPERATOR, PLATFORM, HOST, charge_point="CP-1", _save="1")
        )
        assert answer.status_code == 302, answer.content.decode()
        shown = client.get(answer["Location"]).content.decode()
    assert "Harbour" in shown
    taken = splits.snapshot(
        operator_id=shop.operator.pk,
        site_id=None,
        charge_point="CP-1",
        at=timezone.now(),
    )
    assert taken.parties[2] == Party("host", "Harbour", "site_host", 1500, 10, 20, 500)


@pytest.mark.parametrize(
    ("rows", "values", "words"),
    [
        ([HOST], {}, "exactly one operator"),
        ([OPERATOR], {}, "only the platform can change it"),
        ([OPERATOR, PLATFORM, ("", "Nobody", "other", "5", "", "", "")], {}, "a key"),
        ([OPERATOR, PLATFORM, (*HOST[:4], "0.001", "", "")], {}, "more decimals"),
        ([OPERATOR, PLATFORM, (*HOST[:3], "101", "", "", "")], {}, "100"),
        ([OPERATOR, PLATFORM, HOST], {"valid_from": "2020-01-01T00:00"}, "is past"),
        (
            [OPERATOR, PLATFORM, HOST],
            {"site_id": 7, "charge_point": "C"},
            "not for both",
        ),
        ([OPERATOR, PLATFORM, HOST], {"operator": 999_999}, "valid choice"),
    ],
)
def test_a_mistake_is_told_on_the_form(shop, client, as_role, rows, values, words):
    agreed_with_the_platform(shop)
    member(client, shop.operator)
    with as_role("app"):
        page = client.post(ADD, form(shop, *rows, _save="1", **values))
    assert page.status_code == 200
    assert words in page.content.decode()
    assert SplitAgreement.objects.count() == 1


def test_the_platform_changes_its_own_part(shop, client, as_role):
    agreed_with_the_platform(shop)
    client.force_login(User.objects.create_superuser("root@example.org"))
    more = (*PLATFORM[:3], "7.5", "", "", "")
    with as_role("app"):
        answer = client.post(ADD, form(shop, OPERATOR, more, _save="1"))
    assert answer.status_code == 302
    newest = SplitAgreement.objects.order_by("-pk")[0]
    assert newest.parties.get(role="platform").basis_points == 750


@pytest.mark.parametrize("role", ["viewer", "technician"])
def test_others_agree_nothing(shop, client, as_role, role):
    member(client, shop.operator, role)
    with as_role("app"):
        assert client.post(ADD, form(shop, OPERATOR, _save="1")).status_code == 403
    assert not SplitAgreement.objects.exists()


def test_nobody_agrees_for_another_operator(shop, other, client, as_role):
    member(client, other)
    with as_role("app"):
        page = client.post(ADD, form(shop, OPERATOR, _save="1"))
    assert page.status_code == 200
    assert not SplitAgreement.objects.exists()


def days(shop, **values):
    now = timezone.now()
    return {
        "operator": shop.operator.pk,
        "first": f"{now - timedelta(days=1):%Y-%m-%d}",
        "last": f"{now + timedelta(days=1):%Y-%m-%d}",
        **values,
    }


def test_a_statement_as_page_csv_and_json(shop, client, as_role):
    shop.captured(1001)
    member(client, shop.operator)
    with as_role("app"):
        empty = client.get(STATEMENT).content.decode()
        page = client.get(STATEMENT, days(shop)).content.decode()
        sent = client.get(STATEMENT, days(shop, format="csv"))
        text = b"".join(sent.streaming_content).decode()
        told = client.get(STATEMENT, days(shop, format="json")).json()
    assert "7.01" not in empty
    assert "7.01" in page
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sum(int(row["amount_minor"]) for row in rows) == 1001
    assert len(told["lines"]) == len(rows) == SplitLine.objects.count()
    assert sum(one["total_minor"] for one in told["parties"]) == 1001


def test_a_statement_of_one_party_and_of_days_in_order(shop, client, as_role):
    shop.captured(1001)
    member(client, shop.operator)
    party = SplitLine.objects.order_by("-amount_minor")[0].party
    with as_role("app"):
        told = client.get(STATEMENT, days(shop, party=party, format="json")).json()
        back = client.get(STATEMENT, days(shop, last="2020-01-01")).content.decode()
        other_days = days(shop, first="2020-01-01", last="2020-01-31", format="json")
        nothing = client.get(STATEMENT, other_days).json()
    assert {line["party"] for line in told["lines"]} == {party}
    assert "before the first" in back
    assert nothing["lines"] == nothing["parties"] == []


def test_a_statement_is_nobody_elses(shop, other, client, as_role):
    shop.captured(1001)
    member(client, other)
    with as_role("app"):
        page = client.get(STATEMENT, days(shop, format="json"))
    assert page["Content-Type"].startswith("text/html")
    assert "7.01" not in page.content.decode()


def test_an_account_shows_its_lines_with_the_balance_after_each(
    shop, client, as_role, monkeypatch
):
    monkeypatch.setattr("settlement.admin.ledger.LINES_SHOWN", 2)
    for amount in (1001, 2002, 3003):
        shop.captured(amount)
    line = (
        LedgerLine.objects.filter(operator_id=shop.operator.pk)
        .order_by("-amount_minor")
        .first()
    )
    rows = list(LedgerLine.objects.filter(account=line.account).order_by("pk"))
    balances, total = [], 0
    for row in rows:
        total += row.amount_minor
        balances.append(f"{total / 100:.2f} {row.currency}")
    assert len(rows) > 2
    member(client, shop.operator)
    address = f"/admin/settlement/ledgeraccount/{line.account_id}/change/"
    with as_role("app"):
        newest = client.get(address).content.decode()
        older = client.get(address, {"before": rows[-2].pk}).content.decode()
    assert balances[-1] in newest
    assert balances[-2] in newest
    assert f"?before={rows[-2].pk}" in newest
    assert balances[-3] in older
    assert line.account.code in older


def test_another_operators_account_is_not_there(shop, other, client, as_role):
    shop.captured(1001)
    account = LedgerAccount.objects.filter(operator_id=shop.operator.pk).first()
    member(client, other)
    with as_role("app"):
        page = client.get(f"/admin/settlement/ledgeraccount/{account.pk}/change/")
    assert page.status_code == 302
