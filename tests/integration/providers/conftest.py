from dataclasses import dataclass, replace
from itertools import count

import pytest

from settlement.providers.base import AuthorizeRequest
from settlement.providers.door import Pace
from settlement.providers.stripe_connect import StripeConfig, StripeConnect
from tests.psp_process import PspProcess, running_psp

_numbers = count(1)


def key(prefix="key"):
    """An idempotency key that no other test uses."""
    return f"{prefix}-{next(_numbers)}"


def adapter_for(psp: PspProcess, **changes) -> StripeConnect:
    config = StripeConfig(
        name="stripe",
        base_url=psp.base_url,
        api_key=psp.api_key,
        webhook_secrets=(psp.webhook_secret,),
        pace=Pace(10_000, 10_000, 0.001),
    )
    return StripeConnect(replace(config, **changes))


def onboarded(psp, stripe, country="DE", currency="EUR") -> str:
    account = stripe.create_account(
        country=country,
        currency=currency,
        email="owner@example.org",
        idempotency_key=key("account"),
    )
    psp.control(f"accounts/{account}", {"onboarded": True})
    return account


@dataclass(frozen=True)
class Driver:
    customer: str
    method: str


def new_driver(stripe, card="pm_card_visa") -> Driver:
    customer = stripe.create_customer(
        email="driver@example.org", idempotency_key=key("customer")
    )
    method = stripe.attach_payment_method(
        customer_ref=customer, payment_method_ref=card, idempotency_key=key("method")
    )
    return Driver(customer, method)


def hold_request(account, driver, **changes) -> AuthorizeRequest:
    request = AuthorizeRequest(
        account=account,
        amount_minor=5000,
        currency="EUR",
        customer_ref=driver.customer,
        payment_method_ref=driver.method,
        order_number="0123456789ABCDEF0123",
        idempotency_key=key("hold"),
        off_session=True,
    )
    return replace(request, **changes)


def capture(stripe, account, payment, amount=1234, fee=100, idempotency_key=None):
    return stripe.capture(
        account=account,
        payment_ref=payment.ref,
        amount_minor=amount,
        application_fee_minor=fee,
        idempotency_key=idempotency_key or key("capture"),
    )


@pytest.fixture(scope="module")
def psp():
    with running_psp(seed=7) as process:
        yield process


@pytest.fixture(autouse=True)
def _no_faults_left(request):
    yield
    if "psp" in request.fixturenames:
        request.getfixturevalue("psp").control("faults", method="DELETE")


@pytest.fixture(scope="module")
def stripe(psp):
    return adapter_for(psp)


@pytest.fixture(scope="module")
def driver(stripe):
    return new_driver(stripe)


@pytest.fixture
def account(psp, stripe):
    return onboarded(psp, stripe)


@pytest.fixture
def held(stripe, account, driver):
    return stripe.authorize(hold_request(account, driver))
