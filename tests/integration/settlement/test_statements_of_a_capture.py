"""How many statements one captured order costs: what a worker's day is made of."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cpms.outbox.delivery import claim_due, deliver
from settlement.models import Payment, SplitLine
from settlement.providers.base import ProviderPayment
from settlement.services import asking, payments
from tests.integration.settlement.world import (
    make_account,
    make_driver,
    make_method,
    open_payment,
)
from tests.outbox import drain

ORDERS = 100
STATEMENTS_MAX = 13.5
"""Savepoints and the ledger's three own statements not counted; 16 once."""


def answer(asked):
    captures = asked.kind == "capture"
    amount = asked.amount_minor
    return ProviderPayment(
        ref=asked.provider_ref or "pi_" + asked.order_number,
        state="captured" if captures else "authorized",
        amount_minor=amount,
        amount_capturable_minor=0 if captures else amount,
        amount_received_minor=amount if captures else 0,
        currency=asked.currency,
        charge_ref="ch_" + asked.order_number,
        order_number=asked.order_number,
        application_fee_minor=asked.application_fee_minor,
    )


@pytest.fixture
def held(operator, monkeypatch):
    """Payments whose hold stands; the provider answers at once."""
    monkeypatch.setattr(asking, "ask", answer)
    make_account(operator, "acct_count")
    driver = make_driver()
    method = make_method(driver)
    method.id = method.pk
    views = [open_payment(operator, driver, method) for _ in range(ORDERS)]
    drain()
    assert Payment.objects.filter(state="AUTHORIZED").count() == ORDERS
    return views


def settled(views):
    """What is sent to the database until the captures are booked."""
    for view in views:
        payments.request_capture(
            payment_id=view.id, amount_minor=1001, at=timezone.now()
        )
    done = 0
    with CaptureQueriesContext(connection) as captured:
        while found := claim_due():
            done += deliver("settlement.attempts", found.get("settlement.attempts", []))
    assert done == ORDERS
    told = [query["sql"] for query in captured.captured_queries]
    # Savepoints stand for the transactions of a worker, which a test nests.
    return [sql for sql in told if "SAVEPOINT" not in sql]


def test_a_captured_order_costs_few_statements(held):
    told = settled(held)
    assert Payment.objects.filter(state="CAPTURED").count() == ORDERS
    each = len(told) / ORDERS
    assert each <= STATEMENTS_MAX, f"{each} statements an order, not {STATEMENTS_MAX}"
    assert SplitLine.objects.count() == 4 * ORDERS
