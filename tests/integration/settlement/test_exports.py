import csv
import io
import json
import re
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from beancount import loader
from beancount.core.data import Transaction
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.utils import timezone

from settlement.exports import ledger, statement
from settlement.models import LedgerEntry, LedgerLine
from settlement.services import reconciliation, splits, statements
from settlement.services.ledger import post

pytestmark = pytest.mark.integration


@pytest.fixture
def sold(shop):
    payment = shop.captured(1001)
    shop.refund(payment, 500)
    shop.captured(99_999, hold_minor=100_000)
    reconciliation.reconcile(payee_account_id=shop.account.pk, at=timezone.now())
    return shop


def load(lines):
    entries, errors, _ = loader.load_string("\n".join(lines) + "\n")
    assert errors == []
    return [entry for entry in entries if isinstance(entry, Transaction)]


def test_beancount_takes_all_books_and_finds_them_balanced(sold):
    found = load(ledger.as_beancount())
    assert len(found) == LedgerEntry.objects.count() > 5
    total = sum(posting.units.number for one in found for posting in one.postings)
    assert total == 0


def bean_check(path):
    program = Path(sys.executable).with_name("bean-check")
    return subprocess.run(
        [program, "--no-cache", path], capture_output=True, text=True, check=False
    )


def test_bean_check_finds_no_fault_in_the_file_that_the_command_writes(sold, tmp_path):
    path = tmp_path / "books.beancount"
    call_command("ledger_export", "--format=beancount", f"--output={path}")

    checked = bean_check(path)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_bean_check_sees_a_cent_that_is_missing(sold, tmp_path):
    path = tmp_path / "books.beancount"
    text = "\n".join(ledger.as_beancount()) + "\n"
    path.write_text(
        re.sub(
            r"(?<=\d\.\d)\d EUR",
            lambda m: f"{(int(m[0][0]) + 1) % 10} EUR",
            text,
            count=1,
        )
    )
    assert path.read_text() != text

    assert bean_check(path).returncode == 1


def test_beancount_says_what_the_ledger_says_account_by_account(sold):
    sums = Counter()
    codes = {}
    for line in ledger.as_beancount(sold.operator.pk):
        if " open " in line:
            name = line.split()[2]
        if line.startswith("  code: "):
            codes[name] = json.loads(line.removeprefix("  code: "))
    for one in load(ledger.as_beancount(sold.operator.pk)):
        for posting in one.postings:
            sums[codes[posting.account]] += posting.units.number
    rows = LedgerLine.objects.filter(operator=sold.operator).values_list(
        "account__code"
    )
    ours = dict(rows.annotate(total=Sum("amount_minor")).order_by())
    assert dict(sums) == {code: Decimal(total) / 100 for code, total in ours.items()}


@pytest.mark.parametrize("currency", ["JPY", "KWD"])
def test_currencies_keep_their_decimals(operator, currency):
    post(
        operator_id=operator.pk,
        source="test",
        key='quotes " and \\ stay',
        effective_at=timezone.now(),
        lines=[("bank", currency, 1234), ("session_revenue", currency, -1234)],
    )
    found = load(ledger.as_beancount(operator.pk))
    digits = {"JPY": "1234", "KWD": "1.234"}[currency]
    assert str(found[0].postings[0].units.number) == digits
    assert found[0].narration == 'quotes " and \\ stay'


def test_codes_that_look_alike_stay_apart(operator):
    for party in ("a.b", "a-b"):
        post(
            operator_id=operator.pk,
            source="test",
            key=party,
            effective_at=timezone.now(),
            lines=[("bank", "EUR", 1), (f"payable:{party}", "EUR", -1)],
        )
    names = {
        posting.account
        for one in load(ledger.as_beancount(operator.pk))
        for posting in one.postings
    }
    assert len(names) == 3


def test_csv_holds_every_leg(sold, tmp_path):
    path = tmp_path / "books.csv"
    call_command("ledger_export", "--format", "csv", "--output", str(path))
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert len(rows) == LedgerLine.objects.count()
    assert sum(int(row["amount_minor"]) for row in rows) == 0
    assert {row["book"] for row in rows} == {sold.operator.code, "Platform"}


def test_one_book_is_exported_by_its_code(sold):
    out = io.StringIO()
    call_command(
        "ledger_export", "--format", "beancount", "--operator", "platform", stdout=out
    )
    assert "Income:Platform:Application-fees" in out.getvalue()
    assert sold.operator.code.title() not in out.getvalue()
    load(out.getvalue().splitlines())
    with pytest.raises(CommandError):
        call_command("ledger_export", "--format", "csv", "--operator", "nobody")


def test_an_empty_book_is_an_empty_file(operator):
    assert load(ledger.as_beancount(operator.pk)) == []


def period(shop, party=""):
    now = timezone.now()
    return statements.Period(
        shop.operator.pk, now - timedelta(days=1), now + timedelta(days=1), party
    )


def test_a_statement_adds_up_to_what_was_taken_and_given_back(sold):
    totals = statements.totals(period(sold))
    assert {one.party for one in totals} == {"operator", "platform", "host", "supplier"}
    assert sum(one.captured_minor for one in totals) == 1001 + 99_999
    assert sum(one.given_back_minor for one in totals) == -500
    host = next(one for one in totals if one.party == "host")
    lines = list(statements.lines(period(sold, "host")))
    assert sum(line.amount_minor for line in lines) == host.total_minor
    assert host.charges == 2
    assert host.name == "Site host"


def test_a_statement_ends_before_its_end(sold):
    now = timezone.now()
    nothing = statements.Period(sold.operator.pk, now, now + timedelta(days=1))
    assert statements.totals(nothing) == []


def test_statements_are_csv_and_json(sold):
    rows = list(csv.DictReader(io.StringIO("".join(statement.as_csv(period(sold))))))
    told = statement.as_json(period(sold))
    assert json.loads(json.dumps(told)) == told
    assert len(rows) == len(told["lines"]) > 8
    assert sum(int(row["amount_minor"]) for row in rows) == sum(
        one["total_minor"] for one in told["parties"]
    )


def test_no_cell_is_a_formula(shop):
    shop.captured(
        1000,
        parties=(
            splits.Party("operator", "Operator", "operator", 9000),
            splits.Party("host", "=HYPERLINK(1)", "site_host", 1000),
        ),
    )
    assert ",'=HYPERLINK(1)," in "".join(statement.as_csv(period(shop)))


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_the_command_prints_a_statement(sold, kind):
    out = io.StringIO()
    today = timezone.now().date()
    call_command(
        "split_statement",
        *("--operator", sold.operator.code, "--format", kind),
        *("--from", str(today), "--until", str(today + timedelta(days=1))),
        stdout=out,
    )
    assert "Site host" in out.getvalue()


@pytest.mark.parametrize(
    ("code", "starts", "said", "status"),
    [
        ("nobody", "2026-01-01", "no operator with the code 'nobody'", 1),
        (None, "yesterday", "'yesterday' is no date", 2),
        (None, "2026-02-01", "(period_invalid)", 1),
        (None, "2026-03-01", "later than --from 2026-03-01", 1),
    ],
)
def test_the_command_says_what_is_wrong(operator, code, starts, said, status):
    with pytest.raises(CommandError) as refused:
        call_command(
            "split_statement",
            *("--operator", code or operator.code, "--from", starts),
            *("--until", "2026-02-01"),
        )
    assert said in str(refused.value)
    assert refused.value.returncode == status
