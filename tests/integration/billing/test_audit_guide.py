"""The auditor's guide: its queries run, explain every cent, and see what is wrong."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from billing.models import CreditNote, Receipt
from charge_points.models import ChargePointOwnership
from charge_points.services import ownership
from settlement.models import (
    Dispute,
    Payment,
    ProviderTransaction,
    Receivable,
    ReconciliationDifference,
    SplitLine,
)
from settlement.services import receivables, reconciliation, webhooks
from tests.factories import accounts
from tests.integration.billing.late_facts import corrected, refund
from tests.integration.billing.world import fresh, payment_of
from tests.outbox import drain

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "audit.md"
QUERY = re.compile(r"<!-- query: ([a-z ]+) -->\n```sql\n(.*?);\n```", re.DOTALL)
QUERIES = dict(QUERY.findall(PAGE.read_text()))
NOTHING_WHEN_WELL = tuple(QUERIES)[:6]
"""The page says it of the first six."""
SECRETS = re.compile("sealed|secret|password|token_hash|api_key")


def ask(name, number=""):
    """What a query of the page returns: one mapping a row."""
    sql = QUERIES[name].replace("%", "%%").replace(":'order'", "%(order)s")
    with connection.cursor() as cursor:
        cursor.execute(sql, {"order": number})
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def column(rows, name):
    return [row[name] for row in rows]


def compare(world):
    reconciliation.reconcile(payee_account_id=world.account.pk, at=timezone.now())


def disputed(world):
    order = world.closed()
    world.psp.control("disputes", {"payment_intent": payment_of(order).provider_ref})
    webhooks.poll(payee_account_id=world.account.pk, at=timezone.now())
    drain()
    dispute = Dispute.objects.get()
    world.psp.control(f"disputes/{dispute.provider_ref}", {"outcome": "lost"})
    webhooks.poll(payee_account_id=world.account.pk, at=timezone.now())
    drain()
    return fresh(order)


def test_a_paid_charge_is_explained_to_the_cent(world):
    order = world.closed()
    compare(world)
    (sold,) = ask("order", order.number)
    assert (sold["amount_minor"], sold["energy_wh"]) == (595, 10_000)
    (line,) = ask("price", order.number)
    assert (line["dimension"], line["unit_price"]) == ("ENERGY", "0.5000")
    (tax,) = ask("taxes", order.number)
    assert tax["before_taxes_minor"] + tax["taxes_minor"] == 595
    assert column(ask("papers", order.number), "minor") == [595]
    (payment,) = ask("payments", order.number)
    assert payment["captured_minor"] == 595
    assert sum(column(ask("shares", order.number), "amount_minor")) == 595
    assert [row["to_state"] for row in ask("payment moves", order.number)][-1] == (
        "CAPTURED"
    )
    assert "CLOSED" in column(ask("moves", order.number), "to_state")
    assert "parties" in ask("terms", order.number)[0]["split"]

    (theirs,) = ask("provider lines", order.number)
    fee = payment["application_fee_minor"]
    assert theirs["amount_minor"] == 595
    assert theirs["net_minor"] == 595 - fee - theirs["provider_fee_minor"]
    entries = ask("entries", order.number)
    assert sum(column(entries, "amount_minor")) == 0
    clearing = [
        row["amount_minor"]
        for row in entries
        if row["account"].startswith("provider:") and row["book"] != "platform"
    ]
    assert sum(clearing) == theirs["net_minor"]
    for name in ("refunds", "disputes", "debts", "corrections", "deeds"):
        assert ask(name, order.number) == []


def test_refund_dispute_changed_bills_and_debts_leave_no_cent(world):
    paid = world.closed()
    back = world.closed()
    refund(back, 300, fee=False)
    taken = disputed(world)
    cheaper = corrected(world.closed(), 8000)
    lost = corrected(world.closed(), 12_000)
    debt = Receivable.objects.get(order_number=lost.number)
    receivables.write_off(receivable_id=debt.pk, by="finance", at=timezone.now())
    collected = corrected(world.closed(), 12_000)
    debt = Receivable.objects.get(order_number=collected.number)
    receivables.collect(receivable_id=debt.pk, at=timezone.now())
    drain()
    dearer = corrected(world.closed(), 12_000)
    compare(world)

    for name in NOTHING_WHEN_WELL:
        assert ask(name) == [], name
    assert [(r["amount_minor"], r["reason"]) for r in ask("refunds", back.number)] == [
        (300, "cable was broken")
    ]
    assert column(ask("papers", back.number), "minor") == [595, -300]
    assert column(ask("disputes", taken.number), "state") == ["lost"]
    assert sum(column(ask("provider lines", taken.number), "amount_minor")) == 0
    assert column(ask("papers", cheaper.number), "minor") == [595, -595, 476]
    assert column(ask("price", cheaper.number), "is_credit") == [False, True, False]
    assert column(ask("corrections", cheaper.number), "difference_minor") == [-119]
    assert column(ask("debts", dearer.number), "state") == ["open"]
    assert column(ask("debts", lost.number), "state") == ["written_off"]
    assert column(ask("payments", collected.number), "captured_minor") == [595, 119]
    assert ask("deeds", back.number)[-1]["action"] == "refund.requested"
    assert len(ask("entries", paid.number)) < len(ask("entries", collected.number))


def test_the_sums_are_those_of_the_providers_own_books(world):
    refund(world.closed(), 300)
    disputed(world)
    compare(world)
    theirs = world.books()
    sums = {row["type"]: row for row in ask("report sums")}
    balance = sum(column(sums.values(), "net_minor"))
    clearing = [
        row["balance_minor"]
        for row in ask("trial balance")
        if row["code"].endswith(world.account.reference)
    ]

    assert sums["charge"]["gross_minor"] == theirs["captured_minor"]
    assert -sums["refund"]["gross_minor"] == theirs["refunded_minor"]
    assert -sums["adjustment"]["gross_minor"] == theirs["disputed_minor"]
    assert clearing == [balance] == [theirs["balance_minor"]]
    books = {}
    for row in ask("trial balance"):
        books[row["book"]] = books.get(row["book"], 0) + row["balance_minor"]
    assert set(books.values()) == {0}
    assert all(
        row["amount_minor"] - row["fee_minor"] == row["net_minor"]
        for row in ask("report")
    )


def test_a_wrong_payment_row_is_seen(world):
    order = world.closed()
    Payment.objects.update(refunded_minor=1)
    assert column(ask("every order"), "number") == [order.number]


def test_a_share_that_nobody_got_is_seen(world):
    order = world.closed()
    share = SplitLine.objects.order_by("pk")[0]
    share.pk, share.amount_minor, share.party = None, 1, "nobody"
    share.save()
    assert column(ask("every order"), "number") == [order.number]


def test_a_document_that_no_money_followed_and_a_gap_are_seen(world):
    order = world.closed()
    receipt = Receipt.objects.get()
    CreditNote.objects.create(
        operator=receipt.operator,
        order=order,
        receipt=receipt,
        refund_id=1,
        number=2,
        amount_minor=95,
        currency="EUR",
        taxes=[],
        issued_at=receipt.issued_at,
    )
    assert column(ask("every order"), "billed") == [500]
    (gap,) = ask("gaps")
    assert (gap["kind"], gap["documents"], gap["first"]) == ("credit note", 1, 2)


def test_another_payee_is_seen(world):
    order = world.closed()
    Payment.objects.update(account_reference="acct_other")
    assert column(ask("right payee"), "number") == [order.number]


def test_the_payee_owned_the_charge_point_when_the_charge_began(world):
    """Sold: what began before is the seller's; the buyer's own is another matter."""
    order = world.closed()
    buyer = accounts.operator(code="buyer")
    identity = world.station.identity
    ownership.transfer(
        identity=identity,
        to_operator_code=buyer.code,
        site="",
        by="test",
        at=timezone.now(),
    )
    assert ask("right payee") == []
    ChargePointOwnership.objects.filter(operator=world.operator).delete()
    ChargePointOwnership.objects.update(owned_from=order.started_at)
    (wrong,) = ask("right payee")
    assert (wrong["number"], wrong["owned_by"]) == (order.number, buyer.pk)


def test_what_the_provider_never_showed_is_seen(world):
    order = world.closed()
    assert column(ask("provider and ledger"), "order_number") == [order.number]
    compare(world)
    assert ask("provider and ledger") == []


def test_what_nothing_explains_is_seen(world):
    world.closed()
    compare(world)
    ProviderTransaction.objects.update(matched_at=None)
    assert len(ask("unexplained")) == 1
    ReconciliationDifference.objects.create(
        operator=world.operator,
        payee_account=world.account,
        kind="missing_there",
        reference="pi_1",
        currency="EUR",
        ours_minor=595,
        found_at=timezone.now(),
    )
    assert column(ask("open differences"), "ours_minor") == [595]


def test_the_auditors_role_reads_what_the_page_asks_and_no_secret():
    text = PAGE.read_text()
    granted = re.search(r"GRANT SELECT ON (.*?) TO cpms_auditor", text, re.DOTALL)
    tables = set(re.split(r",\s+", granted[1]))
    models = {model._meta.db_table: model for model in apps.get_models()}
    asked = re.findall(r"(?:FROM|JOIN) ([a-z]+_[a-z_]+)", "".join(QUERIES.values()))

    assert set(asked) - {"jsonb_array_elements"} == tables - {
        "settlement_platforminvoice"
    }
    assert tables <= models.keys()
    named = {
        f"{table}.{field.column}"
        for table in tables
        for field in models[table]._meta.concrete_fields
        if SECRETS.search(field.column)
    }
    assert named == set()


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_answers_about_an_order_that_does_not_exist(db, name):
    assert ask(name, "0" * 20) == []
