"""A provider whose answers stand in a script."""

import pytest

from settlement.models import Payment, ProviderTransaction
from settlement.providers.base import ProviderPayment
from settlement.services import asking, payments
from tests.integration.settlement.shop import settle
from tests.integration.settlement.world import (
    AT,
    make_account,
    make_driver,
    make_method,
    open_payment,
)


class Script:
    """Answers the questions in order; keeps the questions."""

    def __init__(self):
        self.answers, self.asked = [], []

    def __call__(self, question):
        self.asked.append(question)
        return self.answers.pop(0)


@pytest.fixture
def script(monkeypatch):
    found = Script()
    monkeypatch.setattr(asking, "ask", found)
    return found


@pytest.fixture
def account(operator):
    return make_account(operator, "acct_1")


@pytest.fixture
def opened(operator, account):
    driver = make_driver()

    def open_one(**values):
        return open_payment(operator, driver, make_method(driver), **values)

    return open_one


def known(state, **values):
    amounts = {
        "amount_minor": 5000,
        "amount_capturable_minor": 5000,
        "amount_received_minor": 0,
        "currency": "EUR",
        "charge_ref": "ch_1",
    }
    return ProviderPayment(ref="pi_1", state=state, **{**amounts, **values})


def answered(script, *answers):
    script.answers += answers
    settle()
    assert not script.answers
    return Payment.objects.order_by("pk").last()


def hold(opened, script):
    opened()
    return answered(script, known("authorized"))


def captured(opened, script, amount=1001, fee=100):
    payment = hold(opened, script)
    payments.request_capture(payment_id=payment.pk, amount_minor=amount, at=AT)
    answer = known("captured", amount_received_minor=amount, application_fee_minor=fee)
    return answered(script, answer)


def line(account, kind, **values):
    amounts = {
        "amount_minor": -30,
        "net_minor": -30,
        "provider_fee_minor": 0,
        "application_fee_minor": 0,
    }
    return ProviderTransaction.objects.create(
        operator_id=account.operator_id,
        payee_account=account,
        reference=f"txn_{kind}_{ProviderTransaction.objects.count()}",
        type=kind,
        currency="EUR",
        happened_at=AT,
        available_at=AT,
        seen_at=AT,
        **{**amounts, **values},
    )
