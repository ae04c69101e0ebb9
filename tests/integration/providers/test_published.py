"""Adapter and simulator against the provider's published description, to the depth."""

import ast
import inspect
import json
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from urllib.parse import urlsplit

import pytest

import settlement.providers.stripe_connect as package
from settlement.providers.base import ProviderDeclined, ProviderRejected
from settlement.providers.stripe_connect import transport
from settlement.providers.stripe_own_key import StripeOwnKey
from tests.integration.providers.conftest import (
    adapter_for,
    capture,
    hold_request,
    key,
    new_driver,
    onboarded,
)
from tests.integration.providers.published import CONTRACT, Published, unfolded
from tests.integration.providers.test_adapter_rules import (
    use_everything,
    use_pages_and_disputes,
)
from tests.integration.providers.test_webhooks import inbox  # noqa: F401 - a fixture
from tests.psp_process import running_psp

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not CONTRACT.exists(), reason="no published description here"),
]
DELIVERED_WITHIN_S = 30


@dataclass(frozen=True)
class Exchange:
    """One request as it left and its answer as it came."""

    method: str
    url: str
    body: str
    status: int
    answer: object

    @property
    def path(self):
        return urlsplit(self.url).path


@pytest.fixture(scope="module")
def published():
    return Published()


def use_all(psp, stripe):
    """Every call of the adapter, in both modes, and refusals."""
    account, driver = onboarded(psp, stripe), new_driver(stripe)
    use_everything(stripe, account, driver)
    use_pages_and_disputes(psp, stripe, account, driver)
    stripe.describe_payment_method(payment_method_ref=driver.method)
    with pytest.raises(ProviderDeclined):
        stripe.authorize(
            hold_request(account, new_driver(stripe, "pm_card_chargeCustomerFail"))
        )
    payment = stripe.authorize(hold_request(account, driver))
    psp.control(f"accounts/{account}", {"charges_enabled": False})
    with pytest.raises(ProviderRejected):
        stripe.authorize(hold_request(account, driver))
    psp.control(f"accounts/{account}", {"charges_enabled": True})
    capture(stripe, account, payment)
    disputed = psp.control("disputes", {"payment_intent": payment.ref})["id"]
    stripe.fetch_dispute(account=account, dispute_ref=disputed)
    stripe.list_balance_transactions(account=account, after=None, limit=50)
    use_own_key(psp, stripe)
    return account


def use_own_key(psp, stripe):
    account = onboarded(psp, stripe)
    secret = psp.control("keys", {"account": account})["api_key"]
    own = StripeOwnKey.of(
        stripe._config, account=account, api_key=secret, webhook_secrets=("w",)
    )
    driver = new_driver(own)
    payment = own.authorize(hold_request(account, driver))
    capture(own, account, payment, fee=0)
    own.refund(
        account=account,
        payment_ref=payment.ref,
        amount_minor=100,
        refund_application_fee=True,
        idempotency_key=key("refund"),
    )
    own.account_status(account=account)
    own.list_events(account=account, after=None, limit=20)


@pytest.fixture(scope="module")
def exchanges():
    """What goes over the wire, raw."""
    found = []
    original = transport._ThreadSessions.request

    def request(self, method, url, **how):
        answer = original(self, method, url, **how)
        body = how.get("data") or ""
        text = body.decode() if isinstance(body, bytes) else body
        found.append(
            Exchange(method.upper(), url, text, answer.status_code, answer.json())
        )
        return answer

    with pytest.MonkeyPatch.context() as patch, running_psp(seed=7) as psp:
        patch.setattr(transport._ThreadSessions, "request", request)
        stripe = adapter_for(psp)
        account = use_all(psp, stripe)
        for which in (account, None):
            stripe.list_events(account=which, after=None, limit=1000)
    return found


def test_every_call_of_the_adapter_was_made(published, exchanges):
    folder = Path(inspect.getfile(package)).parent
    calls = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                chain = ast.unparse(node.func)
                if chain.startswith("self._api.") and "(" not in chain:
                    calls.add(chain)
    used = {(x.method, published.operation(x.method, x.path)[0]) for x in exchanges}
    assert len(used) == len(calls), (sorted(used), sorted(calls))


def test_requests_are_the_published_ones_to_the_last_nested_key(published, exchanges):
    wrong = [
        f"{x.method} {x.path}: {problem}"
        for x in exchanges
        for problem in published.problems_of_request(x.method, x.url, x.body)
    ]
    assert wrong == []
    deep = [x for x in exchanges if "[price_data][product_data]" in x.body]
    assert deep or any("%5Bproduct_data%5D" in x.body for x in exchanges)


def test_answers_are_the_published_ones_and_hold_nothing_else(published, exchanges):
    wrong = {
        f"{x.method} {published.operation(x.method, x.path)[0]}: {problem}"
        for x in exchanges
        for problem in published.problems_of_answer(
            x.method, x.path, x.status, x.answer
        )
    }
    assert wrong == set()
    assert {x.status for x in exchanges} >= {200, 402}


def test_listed_events_hold_published_objects(published, exchanges):
    events = [e for x in exchanges if x.path == "/v1/events" for e in x.answer["data"]]
    assert len({event["type"] for event in events}) > 5
    wrong = {
        f"{event['type']}: {problem}"
        for event in events
        for problem in published.problems_of_event(event)
    }
    assert wrong == set()


def test_webhooks_carry_what_is_listed_and_published(published, inbox):  # noqa: F811 - a fixture
    url, got = inbox
    with running_psp(webhook_url=url, seed=7) as psp:
        stripe = adapter_for(psp)
        account = use_all(psp, stripe)
        wanted = {
            event.ref: event
            for event in stripe.list_events(account=account, after=None, limit=1000)
        }
        assert wanted
        told = {}
        while set(wanted) - set(told):
            try:
                body, _ = got.get(timeout=DELIVERED_WITHIN_S)
            except Empty:
                pytest.fail(f"never delivered: {set(wanted) - set(told)}")
            event = json.loads(body)
            told[event["id"]] = event
    wrong = {
        f"{event['type']}: {problem}"
        for event in told.values()
        for problem in published.problems_of_event(event)
    }
    assert wrong == set()
    kinds = {event["data"]["object"]["object"] for event in told.values()}
    assert kinds >= {"payment_intent", "charge", "refund", "dispute"}


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        ("/v1/refunds", "colour=red", "unknown"),
        ("/v1/refunds", "amount=1.5", "no integer"),
        ("/v1/refunds", "refund_application_fee=yes", "no boolean"),
        ("/v1/refunds", "reason=because", "not one of"),
        ("/v1/refunds", "expand=charge", "no list"),
        ("/v1/refunds", "expand[1]=charge", "no list"),
        ("/v1/payment_intents", "amount=100", "currency is missing"),
        (
            "/v1/payment_intents",
            "amount=1&currency=eur&metadata[a][b]=c",
            "a group where a value",
        ),
        (
            "/v1/checkout/sessions",
            "line_items[0][price_data][unit_amount]=1",
            "currency is missing",
        ),
        (
            "/v1/checkout/sessions",
            "line_items[0][price_data][product_data][colour]=red",
            "product_data",
        ),
        ("/v1/accounts", "controller[fees][payer]=nobody", "not one of"),
    ],
)
def test_the_judge_of_requests_can_say_no(published, path, body, word):
    found = published.problems_of_request("POST", f"http://a.example{path}", body)
    assert word in str(found)


def test_the_judge_of_answers_can_say_no(published, exchanges):
    intent = next(
        x.answer
        for x in exchanges
        if x.status == 200 and x.path == "/v1/payment_intents" and x.method == "POST"
    )
    judge = published.problems_of_answer
    assert judge("POST", "/v1/payment_intents", 200, intent) == []
    spoilt = [
        {**intent, "colour": "red"},
        {**intent, "amount": "1"},
        {**intent, "status": "somewhere"},
        {**intent, "metadata": {"a": 1}},
        {name: value for name, value in intent.items() if name != "id"},
    ]
    for each in spoilt:
        assert judge("POST", "/v1/payment_intents", 200, each) != []


def test_a_form_is_taken_apart_as_the_provider_does():
    assert unfolded("a[b][0]=1&a[b][1]=2&c=") == {
        "a": {"b": {"0": "1", "1": "2"}},
        "c": "",
    }
    with pytest.raises(AssertionError, match="twice"):
        unfolded("a=1&a=2")
