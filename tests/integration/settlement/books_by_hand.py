"""Books of two operators, written by SQL as whoever may try."""

import pytest
from django.db import connection

from cpms.accounts.tenancy import acting_for
from tests.integration.settlement.world import make_operator

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
