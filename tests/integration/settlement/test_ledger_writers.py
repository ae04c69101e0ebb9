"""Who writes books, when, and whose, whatever SQL arrives."""
# ruff: noqa: PT012 - the refusal may come with the entry or with its lines

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from cpms.accounts.tenancy import acting_as_platform, acting_for
from settlement.models import PLATFORM_BOOK, LedgerEntry, LedgerLine
from settlement.services import ledger
from tests.integration.settlement.books_by_hand import (
    add_account,
    add_entry,
    add_lines,
    books,
    post_ok,
    role,
    run,
)
from tests.integration.settlement.world import AT, make_operator

__all__ = ["books", "role"]


@pytest.mark.parametrize("name", ["app", "system"])
@pytest.mark.parametrize("column", ["created_txid", "created_at", "id"])
def test_nobody_writes_when_and_by_whom_an_entry_was_made(books, as_role, name, column):
    value = {"created_txid": "'1'::xid8", "created_at": "now()", "id": "99"}[column]
    with (
        as_role(name),
        acting_for([books["one"]]),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
    ):
        run(
            "INSERT INTO settlement_ledgerentry "
            f"(operator_id, source, key, order_number, effective_at, {column}) "
            f"VALUES (%s, 'test', 'x', '', now(), {value})",
            [books["one"]],
        )


def test_the_platform_cannot_hold_an_operators_money(books, role):
    if role == "app":
        with acting_as_platform("test"):
            held = add_account(PLATFORM_BOOK, "operator_funds_held", type_="liability")
    else:
        held = add_account(PLATFORM_BOOK, "operator_funds_held", type_="liability")
    with (
        acting_as_platform("test"),
        pytest.raises(IntegrityError, match="hold an operator's money"),
        transaction.atomic(),
    ):
        fees = add_account(PLATFORM_BOOK, "application_fees", type_="income")
        entry = add_entry(PLATFORM_BOOK, "x")
        add_lines(PLATFORM_BOOK, entry, (held, "EUR", -5), (fees, "EUR", 5))


def test_the_held_account_exists_in_the_platforms_book_only(books, role):
    with (
        pytest.raises(IntegrityError, match="ledger_account_held"),
        transaction.atomic(),
    ):
        add_account(books["one"], "operator_funds_held", type_="liability")


def test_a_book_belongs_to_an_operator_that_exists(books, as_role):
    with pytest.raises(IntegrityError, match="owner_id"), transaction.atomic():
        add_account(987654, "bank")


def test_the_web_sees_and_writes_its_operators_books_only(books, as_role):
    post_ok(books)
    with as_role("app"):
        assert not LedgerEntry.objects.exists()
        with acting_for([books["two"]]):
            assert not LedgerEntry.objects.exists()
            assert not LedgerLine.objects.exists()
            with (
                pytest.raises(ProgrammingError, match="row-level security"),
                transaction.atomic(),
            ):
                add_entry(books["one"], "stolen")
            with (
                pytest.raises(ProgrammingError, match="row-level security"),
                transaction.atomic(),
            ):
                add_entry(PLATFORM_BOOK, "stolen")


def test_a_scope_that_ends_before_the_commit_does_not_matter(transactional_db):
    one = make_operator("one")
    with transaction.atomic():
        run("SET LOCAL ROLE cpms_app")
        with acting_for([one.pk]):
            ledger.post(
                operator_id=one.pk,
                source="test",
                key="scoped",
                effective_at=AT,
                lines=[("bank", "EUR", 5), ("session_revenue", "EUR", -5)],
            )

    assert LedgerEntry.objects.filter(key="scoped").count() == 1


def test_an_entry_is_complete_when_its_transaction_ends(transactional_db):
    one = make_operator("one")
    lines = [("bank", "EUR", 5), ("session_revenue", "EUR", -5)]
    entry = ledger.post(
        operator_id=one.pk, source="test", key="a", effective_at=AT, lines=lines
    )
    accounts = list(LedgerLine.objects.values_list("account_id", flat=True))

    with pytest.raises(IntegrityError, match="is complete"), transaction.atomic():
        add_lines(one.pk, entry, (accounts[0], "EUR", 1), (accounts[1], "EUR", -1))


def test_savepoints_do_not_hide_the_creating_transaction(transactional_db):
    one = make_operator("one")
    with transaction.atomic():
        a, b = add_account(one.pk, "bank"), add_account(one.pk, "refunds")
        with transaction.atomic():
            entry = add_entry(one.pk, "nested")
        with transaction.atomic(), transaction.atomic():
            add_lines(one.pk, entry, (a, "EUR", 5), (b, "EUR", -5))

    assert LedgerLine.objects.filter(entry_id=entry).count() == 2
