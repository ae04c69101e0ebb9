"""Whatever is posted, the books stay balanced, and every door says the same."""

from datetime import UTC, datetime

import pytest
from beancount import loader
from beancount.core.data import Transaction
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings, strategies as st

from settlement.exports import ledger as export
from settlement.models import LedgerEntry, LedgerLine
from settlement.services import ledger, verification

pytestmark = pytest.mark.integration
AT = datetime(2026, 3, 1, tzinfo=UTC)
CODES = ["bank", "session_revenue", "refunds", "bad_debts", "payable:host"]

amounts = st.integers(-(10**12), 10**12).filter(bool)
legs = st.lists(
    st.tuples(st.sampled_from(CODES), st.sampled_from(["EUR", "JPY", "KWD"]), amounts),
    min_size=1,
    max_size=8,
)


def balanced(lines):
    """The same legs, each with its counterpart on an account of the other side."""
    return tuple(lines) + tuple(
        ("provider_other", currency, -amount) for _, currency, amount in lines
    )


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(entries=st.lists(legs, min_size=1, max_size=6))
def test_what_balances_is_posted_proved_and_exported_exactly(operator, entries):
    postings = [
        ledger.Posting(
            operator_id=operator.pk,
            source="property",
            key=str(number),
            effective_at=AT,
            lines=balanced(lines),
        )
        for number, lines in enumerate(entries)
    ]
    with transaction.atomic():
        first = ledger.post_many(postings)
        assert ledger.post_many(postings) == first
        assert LedgerEntry.objects.filter(source="property").count() == len(entries)
        sums = LedgerLine.objects.values("currency").annotate(s=Sum("amount_minor"))
        assert {row["s"] for row in sums} == {0}
        checks = {check.name: check.ok for check in verification.prove().checks}
        assert checks["balance"]
        assert checks["keys"]
        text = "\n".join(export.as_beancount(operator.pk)) + "\n"
        found, errors, _ = loader.load_string(text)
        assert errors == []
        assert sum(isinstance(one, Transaction) for one in found) == len(entries)
        transaction.set_rollback(True)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(lines=legs, off=amounts)
def test_what_does_not_balance_is_refused_and_leaves_nothing(operator, lines, off):
    wrong = (*balanced(lines), ("bank", "EUR", off))
    with pytest.raises(ledger.UnableToPost) as refused:
        ledger.post(
            operator_id=operator.pk,
            source="property",
            key="wrong",
            effective_at=AT,
            lines=wrong,
        )
    assert refused.value.code == "unbalanced"
    assert not LedgerEntry.objects.filter(source="property").exists()
