"""Own-key mode against a server that nobody here wrote.

It runs in an environment of its own (``make peer``) and lacks much:
Checkout, connected accounts, idempotency, `allowed_payment_method_types`. Only what it
has is asked.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from settlement.providers.base import ProviderRejected
from settlement.providers.stripe_connect import StripeConfig
from settlement.providers.stripe_own_key import StripeOwnKey
from tests.integration.providers.conftest import key

INSTALLED = Path(__file__).resolve().parents[3] / ".venv/peer/bin/localstripe"
COMMAND = (
    os.environ.get("LOCALSTRIPE")
    or shutil.which("localstripe")
    or (str(INSTALLED) if INSTALLED.exists() else None)
)
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        COMMAND is None, reason="localstripe is not installed (make peer)"
    ),
]
API_KEY = "sk_test_12345"  # it knows no restricted keys
ACCOUNT = "acct_own"


def free_port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def server():
    port = free_port()
    process = subprocess.Popen(
        [COMMAND, "--port", str(port), "--from-scratch"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        begun = time.monotonic()
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() - begun < 60
        yield base
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def stripe(server):
    config = StripeConfig(
        name="own", base_url=server, api_key=API_KEY, webhook_secrets=("whsec",)
    )
    return StripeOwnKey(config, account=ACCOUNT)


def post(server, path, **values):
    """What a payer's browser does, not we."""
    request = Request(server + path, urlencode(values).encode())
    request.add_header("Authorization", f"Bearer {API_KEY}")
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


@pytest.fixture
def saved(server, stripe):
    card = {
        "type": "card",
        "card[number]": "4242424242424242",
        "card[exp_month]": "12",
        "card[exp_year]": "2039",
        "card[cvc]": "123",
    }
    method = post(server, "/v1/payment_methods", **card)["id"]
    customer = stripe.create_customer(
        email="driver@example.org", idempotency_key=key("customer")
    )
    saved = stripe.attach_payment_method(
        customer_ref=customer, payment_method_ref=method, idempotency_key=key("save")
    )
    return customer, saved


def hold(server, saved, method="manual"):
    customer, card = saved
    return post(
        server,
        "/v1/payment_intents",
        amount=5000,
        currency="eur",
        customer=customer,
        payment_method=card,
        capture_method=method,
        confirm="true",
    )["id"]


def test_a_card_is_saved_on_the_operators_account(stripe, saved):
    customer, card = saved
    found = stripe.describe_payment_method(payment_method_ref=card)
    assert (found.customer_ref, found.brand, found.last4) == (customer, "visa", "4242")


def test_a_hold_is_seen_and_captured_without_any_platform(server, stripe, saved):
    ref = hold(server, saved)
    assert stripe.fetch_state(account=ACCOUNT, payment_ref=ref).state == "authorized"
    taken = stripe.capture(
        account=ACCOUNT,
        payment_ref=ref,
        amount_minor=1234,
        application_fee_minor=0,
        idempotency_key=key("capture"),
    )
    assert (taken.state, taken.application_fee_minor) == ("captured", 0)


def test_a_hold_is_released(server, stripe, saved):
    ref = hold(server, saved)
    gone = stripe.cancel(
        account=ACCOUNT, payment_ref=ref, idempotency_key=key("cancel")
    )
    assert gone.state == "cancelled"


def test_money_goes_back(server, stripe, saved):
    ref = hold(server, saved, method="automatic")
    back = stripe.refund(
        account=ACCOUNT,
        payment_ref=ref,
        amount_minor=500,
        refund_application_fee=True,
        idempotency_key=key("refund"),
    )
    assert (back.state, back.amount_minor) == ("succeeded", 500)
    assert back.application_fee_refunded_minor == 0


def test_what_it_does_not_know_is_refused_and_not_lost(stripe):
    with pytest.raises(ProviderRejected):
        stripe.fetch_state(account=ACCOUNT, payment_ref="pi_unknown")


def test_another_operators_account_is_never_asked_with_this_key(stripe):
    with pytest.raises(ValueError, match="its own account only"):
        stripe.fetch_state(account="acct_other", payment_ref="pi_1")
    with pytest.raises(ValueError, match="takes no fee"):
        stripe.capture(
            account=ACCOUNT,
            payment_ref="pi_1",
            amount_minor=100,
            application_fee_minor=1,
            idempotency_key="k",
        )
    for refused in (
        lambda: stripe.create_account(
            country="DE", currency="EUR", email="", idempotency_key="k"
        ),
        lambda: stripe.onboarding_link(account=ACCOUNT, refresh_url="", return_url=""),
    ):
        with pytest.raises(ProviderRejected):
            refused()
