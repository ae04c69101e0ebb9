"""PostgreSQL itself holds the ledger, whatever SQL arrives under whichever role."""
# ruff: noqa: PT012 - the refusal may come with the entry or with its lines

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, transaction

from settlement.models import LedgerEntry, LedgerLine
from settlement.services.sealing import seal_next
from tests.integration.settlement.books_by_hand import (
    add_entry,
    add_lines,
    books,
    check_now,
    post_ok,
    role,
    run,
)
from tests.integration.settlement.world import AT

__all__ = ["books", "role"]


def test_a_balanced_entry_is_taken(books, role):
    entry = post_ok(books)

    assert LedgerLine.objects.filter(entry_id=entry).count() == 2


def test_lines_that_do_not_add_up_are_refused(books, role):
    def post():
        entry = add_entry(books["one"], "x")
        add_lines(books["one"], entry, (books["a"], "EUR", 5), (books["b"], "EUR", -4))
        check_now()

    with pytest.raises(IntegrityError, match="add up to zero"), transaction.atomic():
        post()
    assert not LedgerEntry.objects.filter(key="x").exists()


def test_each_currency_adds_up_by_itself(books, role):
    def post():
        entry = add_entry(books["one"], "x")
        add_lines(
            books["one"], entry, (books["a"], "EUR", 5), (books["usd"], "USD", -5)
        )
        check_now()

    with pytest.raises(IntegrityError, match="every currency"), transaction.atomic():
        post()


@pytest.mark.parametrize("amounts", [(), (0,)])
def test_an_entry_without_two_lines_is_refused(books, role, amounts):
    def post():
        entry = add_entry(books["one"], "x")
        for amount in amounts:
            add_lines(books["one"], entry, (books["a"], "EUR", amount))
        check_now()

    with pytest.raises(IntegrityError), transaction.atomic():
        post()


def test_a_single_line_is_refused_when_the_transaction_ends(books, role):
    def post():
        entry = add_entry(books["one"], "x")
        add_lines(books["one"], entry, (books["a"], "EUR", 5))
        check_now()

    with pytest.raises(IntegrityError, match="at least two"), transaction.atomic():
        post()


def test_a_line_of_nothing_is_refused(books, role):
    with (
        pytest.raises(IntegrityError, match="ledger_line_not_zero"),
        transaction.atomic(),
    ):
        entry = add_entry(books["one"], "x")
        add_lines(books["one"], entry, (books["a"], "EUR", 0), (books["b"], "EUR", 0))


@pytest.mark.parametrize("amount", [1, -1])
def test_lines_cannot_be_added_after_the_check_was_forced(books, role, amount):
    entry = post_ok(books)

    with pytest.raises(IntegrityError, match="in one statement"), transaction.atomic():
        add_lines(
            books["one"], entry, (books["a"], "EUR", 1), (books["b"], "EUR", amount)
        )


def test_another_operators_account_is_out_of_reach(books, role):
    def post():
        entry = add_entry(books["one"], "x")
        add_lines(
            books["one"], entry, (books["a"], "EUR", 5), (books["foreign"], "EUR", -5)
        )
        check_now()

    with (
        pytest.raises(IntegrityError, match="ledger_line_account"),
        transaction.atomic(),
    ):
        post()


def test_a_line_has_the_currency_of_its_account(books, role):
    with (
        pytest.raises(IntegrityError, match="ledger_line_account"),
        transaction.atomic(),
    ):
        entry = add_entry(books["one"], "x")
        add_lines(
            books["one"], entry, (books["a"], "USD", 5), (books["usd"], "USD", -5)
        )


def test_a_line_cannot_join_another_operators_entry(books, as_role):
    with pytest.raises(IntegrityError, match="ledger_line_entry"), transaction.atomic():
        entry = add_entry(books["two"], "x")
        add_lines(books["one"], entry, (books["a"], "EUR", 5), (books["b"], "EUR", -5))


def test_posting_twice_under_one_key_is_refused(books, role):
    post_ok(books)
    with pytest.raises(IntegrityError, match="ledger_entry_once"), transaction.atomic():
        add_entry(books["one"], "good")


def test_an_entry_is_reversed_at_most_once(books, role):
    entry = post_ok(books)
    reverse = add_entry(books["one"], "back", entry)
    add_lines(books["one"], reverse, (books["a"], "EUR", -5), (books["b"], "EUR", 5))
    check_now()

    with pytest.raises(IntegrityError, match="reverses"), transaction.atomic():
        add_entry(books["one"], "back again", entry)


def test_an_entry_of_another_book_cannot_be_reversed(books, as_role):
    entry = post_ok(books)
    with (
        pytest.raises(IntegrityError, match="ledger_entry_reverses"),
        transaction.atomic(),
    ):
        add_entry(books["two"], "back", entry)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE settlement_ledgerline SET amount_minor = amount_minor * 2",
        "UPDATE settlement_ledgerline SET entry_id = entry_id + 1",
        "UPDATE settlement_ledgerentry SET effective_at = now()",
        "UPDATE settlement_ledgeraccount SET type = 'income'",
        "UPDATE settlement_ledgerseal SET digest = ''",
        "DELETE FROM settlement_ledgerline",
        "DELETE FROM settlement_ledgerentry",
        "DELETE FROM settlement_ledgeraccount",
        "DELETE FROM settlement_ledgerseal",
        "TRUNCATE settlement_ledgerline",
        "TRUNCATE settlement_ledgerentry CASCADE",
        "TRUNCATE settlement_ledgeraccount CASCADE",
        "TRUNCATE settlement_ledgerseal",
        "TRUNCATE accounts_operator CASCADE",
        (
            "INSERT INTO settlement_ledgerentry (operator_id, source, key, "
            "order_number, effective_at) SELECT operator_id, source, key, "
            "order_number, effective_at FROM settlement_ledgerentry "
            "ON CONFLICT (source, key) DO UPDATE SET effective_at = now()"
        ),
        (
            "MERGE INTO settlement_ledgerline line USING settlement_ledgerentry entry "
            "ON entry.id = line.entry_id WHEN MATCHED THEN DELETE"
        ),
        (
            "WITH gone AS (DELETE FROM settlement_ledgerline RETURNING id) "
            "SELECT count(*) FROM gone"
        ),
        "TRUNCATE settlement_splitline",
        "TRUNCATE settlement_paymentmove",
    ],
)
def test_the_books_only_grow(books, role, sql):
    post_ok(books)
    if role != "app":
        seal_next(operator_id=books["one"], upto=10**9, at=AT)
    with (
        pytest.raises(DatabaseError, match=r"is refused|permission denied"),
        transaction.atomic(),
    ):
        run(sql)
    assert LedgerLine.objects.count() == 2


@pytest.mark.parametrize("name", ["app", "system"])
@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE settlement_ledgerline DISABLE TRIGGER ALL",
        "ALTER TABLE settlement_ledgerentry DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE settlement_ledgerline DROP COLUMN currency",
        "DROP TABLE settlement_ledgerseal",
        "SET session_replication_role = replica",
        "CREATE RULE quiet AS ON DELETE TO settlement_ledgerline DO INSTEAD NOTHING",
    ],
)
def test_who_works_cannot_take_the_walls_down(books, as_role, name, sql):
    post_ok(books)
    with (
        as_role(name),
        pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
        transaction.atomic(),
    ):
        run(sql)


@pytest.mark.parametrize("name", ["app", "system"])
def test_rights_refuse_before_any_trigger(books, as_role, name):
    with (
        as_role(name),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
    ):
        run("DELETE FROM settlement_ledgerline")
