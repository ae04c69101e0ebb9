"""PostgreSQL itself holds the ledger, whatever SQL arrives under whichever role."""
# ruff: noqa: PT012 - the refusal may come with the entry or with its lines

import pytest
from django.db import (
    DatabaseError,
    IntegrityError,
    ProgrammingError,
    connection,
    transaction,
)

from cpms.accounts.tenancy import acting_as_platform, acting_for
from settlement.models import PLATFORM_BOOK, LedgerEntry, LedgerLine
from settlement.services import ledger
from settlement.services.sealing import seal_next
from tests.integration.settlement.world import AT, make_operator

ROLES = ("app", "system", "owner")


def run(sql, values=()):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else None


def check_now():
    """Fire the deferred constraints, as a commit would."""
    run("SET CONSTRAINTS ALL IMMEDIATE")
    run("SET CONSTRAINTS ALL DEFERRED")


def add_account(operator_id, code, currency="EUR", type_="asset"):
    return run(
        "INSERT INTO settlement_ledgeraccount (operator_id, code, type, currency) "
        "VALUES (%s, %s, %s, %s) RETURNING id",
        [operator_id, code, type_, currency],
    )[0][0]


def add_entry(operator_id, key, reverses=None):
    return run(
        "INSERT INTO settlement_ledgerentry "
        "(operator_id, source, key, order_number, effective_at, reverses_id) "
        "VALUES (%s, 'test', %s, '', now(), %s) RETURNING id",
        [operator_id, key, reverses],
    )[0][0]


def add_lines(operator_id, entry, *lines):
    marks = ", ".join(["(%s, %s, %s, %s, %s)"] * len(lines))
    values = [
        x
        for account, cur, amount in lines
        for x in (entry, operator_id, account, cur, amount)
    ]
    run(
        "INSERT INTO settlement_ledgerline "
        f"(entry_id, operator_id, account_id, currency, amount_minor) VALUES {marks}",
        values,
    )


@pytest.fixture
def books(db):
    one, two = make_operator("one"), make_operator("two")
    return {
        "one": one.pk,
        "two": two.pk,
        "a": add_account(one.pk, "bank"),
        "b": add_account(one.pk, "session_revenue", type_="income"),
        "usd": add_account(one.pk, "bank", "USD"),
        "foreign": add_account(two.pk, "bank"),
    }


@pytest.fixture(params=ROLES)
def role(request, as_role, books):
    with as_role(request.param):
        if request.param == "app":
            with acting_for([books["one"]]):
                yield request.param
        else:
            yield request.param


def post_ok(books, key="good"):
    entry = add_entry(books["one"], key)
    add_lines(books["one"], entry, (books["a"], "EUR", 5), (books["b"], "EUR", -5))
    check_now()
    return entry


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
