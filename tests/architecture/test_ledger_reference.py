"""The reference of the ledger says what the code posts."""

import re
from pathlib import Path

from settlement.models import PLATFORM_BOOK, ReconciliationDifference
from settlement.services import chart, explaining, resolving

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "ledger.md"
SERVICES = ROOT / "settlement" / "services"
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \|(?: ([^|]+) \|)?", re.MULTILINE)
SOURCE = re.compile(r'source=f?"([a-z_.{}]+)"')
OPERATOR = PLATFORM_BOOK + 1


def rows(heading):
    """First, second and third column of the table below a heading."""
    text = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = ROW.findall(text)
    assert found, heading
    return found


def example(code):
    """An account of the kind: `payable:<party>` -> `payable:x`."""
    return re.sub(r"<[a-z]+>", "x", code)


def test_every_account_is_in_the_table_with_its_type_and_book():
    told = {code: (kind, book) for code, kind, book in rows("Accounts")}

    for code, (kind, book) in told.items():
        assert chart.type_of(example(code)) == kind, code
        number = PLATFORM_BOOK if book == "platform" else OPERATOR
        assert chart.belongs(number, example(code)), code
    known = {
        value
        for name, value in vars(chart).items()
        if name.isupper() and isinstance(value, str) and chart.type_of(value)
    }
    assert len(known) > 10
    assert known - told.keys() == set()
    for made in (
        chart.clearing("x", "x"),
        chart.platform_clearing("x"),
        chart.split_cost("x"),
        chart.payable("x"),
    ):
        assert made in {example(code) for code in told}


def test_every_kind_of_entry_is_in_the_table():
    written = {
        source
        for path in SERVICES.glob("*.py")
        for source in SOURCE.findall(path.read_text())
    }
    counters = set(
        re.findall(
            r"_posting\(\s*line, chart\.([A-Z_]+)",
            Path(explaining.__file__).read_text(),
        )
    )
    assert "provider.{counter}" in written
    written.remove("provider.{counter}")
    written |= {f"provider.{getattr(chart, name)}" for name in counters}

    assert {source for source, _, _ in rows("Entries")} == written


def test_every_decision_is_in_the_table_with_its_account():
    told = {
        decision: account
        for decision, account, _ in rows("What a decision about a difference posts")
    }

    assert told.keys() == set(ReconciliationDifference.Resolution.values)
    for decision, code in resolving.COUNTERS.items():
        assert told[decision] == f"`{code}`"
