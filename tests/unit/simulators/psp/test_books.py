import pytest
from hypothesis import given, strategies as st

from simulators.psp.books import Books, Entry, Line, UnableToPost
from simulators.psp.rules import Rules, half_up


def entry(amount, *, at=100, available_on=100, currency="eur"):
    lines = (
        Line("issuers", "captured", -amount),
        Line("acct_1", "captured", amount),
    )
    return Entry(at, currency, available_on, lines, "ch_1")


def test_an_entry_that_does_not_add_up_is_refused_and_changes_nothing():
    books = Books()
    wrong = Entry(1, "eur", 1, (Line("acct_1", "captured", 5),), "ch_1")
    with pytest.raises(UnableToPost):
        books.post(wrong)
    assert books.entries == 0
    assert books.report("acct_platform", 1)["accounts"] == {}


def test_an_unknown_category_is_refused():
    lines = (Line("acct_1", "transfer", 5), Line("acct_platform", "transfer", -5))
    with pytest.raises(UnableToPost):
        Books().post(Entry(1, "eur", 1, lines, "tr_1"))


def test_money_becomes_available_at_its_time():
    books = Books()
    books.post(entry(1000, available_on=200))
    books.post(entry(-300))
    assert books.pending_minor("acct_1", "eur", 199) == 1000
    assert books.available_minor("acct_1", "eur", 199) == -300
    assert books.pending_minor("acct_1", "eur", 200) == 0
    assert books.available_minor("acct_1", "eur", 200) == 700


@given(
    st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 50)), max_size=30)
)
def test_pending_and_available_always_add_up_to_the_balance(facts):
    books = Books()
    for amount, delay in facts:
        books.post(entry(amount, available_on=100 + delay))
    total = sum(amount for amount, _ in facts)
    for now in (100, 120, 150):
        pending = books.pending_minor("acct_1", "eur", now)
        assert pending + books.available_minor("acct_1", "eur", now) == total
    assert books.report("acct_platform", 150)["balanced"]


def test_entries_survive_their_journal_form():
    one = entry(77, available_on=300)
    assert Entry.from_json(one.as_json()) == one


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_half_up_is_exact(numerator, denominator):
    result = half_up(numerator, denominator)
    assert abs(result * denominator - numerator) * 2 <= denominator
    assert (
        (2 * numerator) % denominator
        or result * denominator >= numerator
        or (result * denominator - numerator) * 2 > -denominator
    )


def test_the_provider_fee_is_half_up():
    rules = Rules(fee_basis_points=150, fee_fixed_minor=25)
    assert rules.fee_minor(1000) == 40
    assert rules.fee_minor(1033) == 40  # 15.495 + 25
    assert rules.fee_minor(1034) == 41  # 15.51 + 25
    assert rules.fee_minor(100) == 27  # 1.5 + 25
    assert rules.fee_minor(0) == 25
