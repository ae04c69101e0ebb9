import json

import psycopg2
import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection, transaction

from cpms.embedded import ensure_postgres
from settlement.models import PLATFORM_BOOK, LedgerSeal
from settlement.services import ledger, sealing, verification
from settlement.services.ledger import Posting
from tests.integration.settlement.world import AT, make_operator

pytestmark = pytest.mark.django_db(transaction=True)

# What earlier tests rolled back has used numbers up: the first is not always 1.
SECOND = "id = (SELECT min(id) + 1 FROM settlement_ledgerentry)"


def post(operator_id, count=1, *, start=0):
    ledger.post_many(
        [
            Posting(
                operator_id=operator_id,
                source="test",
                key=f"{operator_id}-{start + number}",
                effective_at=AT,
                lines=(("bank", "EUR", 500), ("refunds", "EUR", -500)),
            )
            for number in range(count)
        ]
    )


def as_superuser(sql):
    """What only somebody with the machine in his hands can do."""
    base = ensure_postgres(django_settings.CPMS_HOME).superuser
    raw = psycopg2.connect(base, dbname=connection.settings_dict["NAME"])
    try:
        with raw, raw.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(sql)
    finally:
        raw.close()


def wrong():
    return {c.name: c.problems for c in verification.prove().checks if not c.ok}


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """Other databases of the same server may be busy for a while."""
    monkeypatch.setattr(sealing, "HORIZON_WAIT_S", 120.0)


@pytest.fixture
def one():
    return make_operator("one").pk


def test_seals_cover_every_entry_once_and_chain(one, monkeypatch):
    monkeypatch.setattr(sealing, "SEAL_ENTRIES_MAX", 3)
    two = make_operator("two").pk
    post(one, 5)
    post(two, 2)

    assert sealing.seal_all(at=AT) == 7
    assert sealing.seal_all(at=AT) == 0
    post(one, 1, start=5)
    assert sealing.seal_all(at=AT) == 1

    seals = LedgerSeal.objects.filter(operator_id=one).order_by("number")
    assert [(s.number, s.entries) for s in seals] == [(1, 3), (2, 2), (3, 1)]
    assert bytes(seals[1].previous_digest) == bytes(seals[0].digest)
    assert bytes(seals[0].previous_digest) == sealing.FIRST_DIGEST
    assert wrong() == {}


def test_the_platforms_book_is_sealed_too(one):
    ledger.post(
        operator_id=PLATFORM_BOOK,
        source="reversal",
        key="x",
        effective_at=AT,
        lines=[("provider:stripe:platform", "EUR", 5), ("application_fees", "EUR", -5)],
    )

    assert sealing.seal_all(at=AT) == 1


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (
            "UPDATE settlement_ledgerline SET amount_minor = amount_minor * 2",
            "an entry was changed",
        ),
        (
            f"UPDATE settlement_ledgerentry SET effective_at = now() WHERE {SECOND}",
            "an entry was changed",
        ),
        (f"UPDATE settlement_ledgerentry SET key = 'y' WHERE {SECOND}", "was changed"),
        (
            "UPDATE settlement_ledgeraccount SET code = 'disputes' WHERE code = 'bank'",
            "was changed",
        ),
        (f"DELETE FROM settlement_ledgerentry WHERE {SECOND}", "3 entries sealed, 2"),
        ("DELETE FROM settlement_ledgerseal WHERE number = 1", "entries sealed"),
        (
            "UPDATE settlement_ledgerseal SET digest = sha256('x') WHERE number = 2",
            "an entry was changed",
        ),
        (
            "UPDATE settlement_ledgerseal SET number = number + 10",
            "does not follow",
        ),
    ],
)
def test_what_a_superuser_changes_breaks_the_chain(one, monkeypatch, sql, words):
    monkeypatch.setattr(sealing, "SEAL_ENTRIES_MAX", 3)
    post(one, 6)
    sealing.seal_all(at=AT)
    assert wrong() == {}

    as_superuser(sql)

    assert any(words in problem for problem in wrong()["chain"])


@pytest.mark.parametrize(
    ("sql", "check"),
    [
        (
            "UPDATE settlement_ledgerline SET amount_minor = 7 WHERE amount_minor > 0",
            "balance",
        ),
        ("DELETE FROM settlement_ledgerline WHERE amount_minor > 0", "balance"),
        ("DELETE FROM settlement_ledgerline", "balance"),
        ("UPDATE settlement_ledgerline SET currency = 'USD'", "keys"),
        ("UPDATE settlement_ledgerline SET operator_id = 0", "keys"),
        ("DELETE FROM settlement_ledgeraccount WHERE code = 'bank'", "keys"),
        (
            (
                "UPDATE settlement_ledgeraccount SET code = 'driver_receivables' "
                "WHERE code = 'bank'"
            ),
            "receivables",
        ),
        (
            (
                "UPDATE settlement_ledgeraccount SET code = 'provider:x:y' "
                "WHERE code = 'bank'; "
                "UPDATE settlement_ledgerentry SET source = 'payment.capture'"
            ),
            "payments",
        ),
        (
            (
                "UPDATE settlement_ledgeraccount SET code = 'payable:host' "
                "WHERE code = 'bank'; "
                "UPDATE settlement_ledgerentry SET source = 'payment.capture'"
            ),
            "payables",
        ),
    ],
)
def test_the_proof_finds_what_is_wrong(one, sql, check):
    post(one, 2)
    as_superuser(sql)

    assert check in wrong()


def test_the_proof_finds_money_in_the_platforms_hands(one):
    post(one, 1)
    as_superuser(
        "UPDATE settlement_ledgerline SET operator_id = 0; "
        "UPDATE settlement_ledgerentry SET operator_id = 0; "
        "ALTER TABLE settlement_ledgeraccount DISABLE TRIGGER ALL; "
        "UPDATE settlement_ledgeraccount SET operator_id = 0, type = 'liability', "
        "code = 'operator_funds_held' WHERE code = 'bank'; "
        "ALTER TABLE settlement_ledgeraccount ENABLE TRIGGER ALL"
    )

    report = verification.prove()

    assert report.platform_held_minor == 500
    assert {"platform holds nothing", "platform book holds only fees"} <= set(wrong())


def test_no_seal_is_made_over_an_entry_that_is_still_being_written(one, monkeypatch):
    """An entry with a smaller id may be committed after one with a larger id."""
    monkeypatch.setattr(sealing, "HORIZON_WAIT_S", 0.2)
    base = ensure_postgres(django_settings.CPMS_HOME).superuser
    slow = psycopg2.connect(base, dbname=connection.settings_dict["NAME"])
    try:
        with slow.cursor() as cursor:
            cursor.execute(
                "INSERT INTO settlement_ledgerentry (operator_id, source, key, "
                "order_number, effective_at) VALUES (%s, 'slow', 'x', '', now())",
                [one],
            )
            post(one, 1)
            assert sealing.horizon() is None
            assert sealing.seal_all(at=AT) == 0
        slow.rollback()
    finally:
        slow.close()

    monkeypatch.setattr(sealing, "HORIZON_WAIT_S", 120.0)
    assert sealing.seal_all(at=AT) == 1


def test_a_horizon_inside_a_transaction_would_wait_for_itself(one):
    with pytest.raises(RuntimeError, match="outside"), transaction.atomic():
        sealing.horizon()


def run(*arguments, capsys):
    try:
        call_command("ledger_verify", "--json", *arguments)
        status = 0
    except SystemExit as error:
        status = error.code
    return status, json.loads(capsys.readouterr().out)


def test_the_command_proves_good_books(one, capsys):
    post(one, 2)
    sealing.seal_all(at=AT)

    status, found = run(capsys=capsys)

    assert status == 0
    assert (found["ok"], found["balanced"]) == (True, True)
    assert (found["entries"], found["lines"], found["platform_held_minor"]) == (2, 4, 0)


def test_the_command_of_one_operator_looks_at_its_books_only(one, capsys):
    make_operator("two")
    post(one, 2)
    first = "id = (SELECT min(id) FROM settlement_ledgerline)"
    as_superuser(f"UPDATE settlement_ledgerline SET amount_minor = 7 WHERE {first}")

    assert run("--operator", "two", capsys=capsys)[0] == 0
    status, found = run("--operator", "one", capsys=capsys)
    assert (status, found["balanced"]) == (1, False)
    assert any("entry 1 of book" in p for c in found["checks"] for p in c["problems"])


def test_the_command_names_an_unknown_operator(one, capsys):
    status, found = run("--operator", "nobody", capsys=capsys)

    assert (status, found["error"]) == (1, "unknown_operator")


def test_the_command_speaks_in_words_too(one, capsys):
    post(one, 1)
    call_command("ledger_verify")
    assert "proved: True" in capsys.readouterr().out

    as_superuser("DELETE FROM settlement_ledgerline")
    with pytest.raises(SystemExit):
        call_command("ledger_verify")
    assert "0 line(s)" in capsys.readouterr().out


def test_the_list_of_problems_is_bounded(one):
    post(one, verification.PROBLEMS_MAX + 5)
    as_superuser("DELETE FROM settlement_ledgerline")

    check = next(c for c in verification.prove().checks if c.name == "balance")

    assert check.wrong == verification.PROBLEMS_MAX + 5
    assert len(check.problems) == verification.PROBLEMS_MAX


def test_a_run_seals_so_much_and_the_next_one_goes_on(one, monkeypatch):
    monkeypatch.setattr(sealing, "SEAL_ENTRIES_MAX", 1)
    monkeypatch.setattr(sealing, "SEALS_A_RUN_MAX", 2)
    post(one, 3)

    first = sealing.seal_all(at=AT)
    second = sealing.seal_all(at=AT)

    assert (first, second) == (2, 1)
    assert LedgerSeal.objects.filter(operator_id=one).count() == 3
