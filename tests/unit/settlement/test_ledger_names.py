"""What the rows of the ledger are called in lists and logs."""

import pytest

from settlement.models import LedgerAccount, LedgerEntry, LedgerLine, LedgerSeal


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (LedgerAccount(code="session_revenue", currency="EUR"), "session_revenue EUR"),
        (LedgerEntry(source="capture", key="A1-1"), "capture A1-1"),
        (LedgerLine(amount_minor=-250, currency="EUR"), "-250 EUR"),
        (LedgerSeal(operator_id=7, number=3), "seal 3 of book 7"),
    ],
)
def test_a_row_names_what_it_is(row, name):
    assert str(row) == name
