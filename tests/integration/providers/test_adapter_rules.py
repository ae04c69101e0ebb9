"""What the adapter must never do, and how it is configured."""

import ast
import inspect
import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import settlement.providers.stripe_connect as package
from settlement.providers import registry
from settlement.providers.base import (
    CheckoutRequest,
    DisputeEvidence,
    PaymentProvider,
    ProviderPayment,
    SetupRequest,
)
from settlement.providers.stripe_connect import (
    StripeConfig,
    StripeConnect,
    mapping,
)
from tests.integration.providers.conftest import adapter_for, capture, hold_request, key

CONTRACT = (
    Path(__file__).resolve().parents[4]
    / "shared"
    / "contracts"
    / "stripe-subset.openapi.json"
)
SETTINGS = {
    "base_url": "http://127.0.0.1:1",
    "api_key": "sk_test_secret",
    "webhook_secret": "whsec_secret",
    "timeout_s": 3,
}


def sources():
    folder = Path(inspect.getfile(package)).parent.parent
    return {path: ast.parse(path.read_text()) for path in folder.rglob("*.py")}


def test_no_provider_code_can_move_money_to_an_account():
    """No transfer call, no destination charge, in any name or parameter."""
    words = {"transfers", "transfer_data", "transfer_group", "on_behalf_of", "topups"}
    for path, tree in sources().items():
        for node in ast.walk(tree):
            name = None
            if isinstance(node, ast.Attribute):
                name = node.attr
            elif isinstance(node, ast.Name):
                name = node.id
            elif isinstance(node, ast.Constant):
                name = node.value
            elif isinstance(node, ast.keyword):
                name = node.arg
            if name == "transfers" and "capabilities" in path.read_text():
                # The capability of that name lets an account be paid by cards.
                assert isinstance(node, ast.Constant)
                continue
            assert name not in words, f"{path.name}: {name}"


def test_the_protocol_has_no_call_to_the_platforms_money():
    calls = {name for name in vars(PaymentProvider) if not name.startswith("_")}
    assert calls == {
        "account_status",
        "attach_payment_method",
        "authorize",
        "cancel",
        "capture",
        "create_account",
        "create_customer",
        "describe_payment_method",
        "expire_checkout",
        "fetch_checkout",
        "fetch_dispute",
        "fetch_refund",
        "fetch_state",
        "open_checkout",
        "open_setup",
        "submit_evidence",
        "list_balance_transactions",
        "list_events",
        "onboarding_link",
        "refund",
        "verify_webhook",
    }


def use_everything(stripe, account, driver):
    payment = stripe.authorize(hold_request(account, driver))
    stripe.capture(
        account=account,
        payment_ref=payment.ref,
        amount_minor=1000,
        application_fee_minor=50,
        idempotency_key=key("capture"),
    )
    stripe.refund(
        account=account,
        payment_ref=payment.ref,
        amount_minor=100,
        refund_application_fee=True,
        idempotency_key=key("refund"),
    )
    on_session = hold_request(
        account, driver, off_session=False, return_url="https://a.example"
    )
    other = stripe.authorize(on_session)
    stripe.cancel(account=account, payment_ref=other.ref, idempotency_key=key("c"))
    stripe.fetch_state(account=account, payment_ref=other.ref)
    events = stripe.list_events(account=account, after=None, limit=5)
    stripe.list_events(account=None, after=None, limit=5)
    stripe.list_events(account=account, after=events[0].ref, limit=5)
    stripe.list_balance_transactions(account=account, after=None, limit=5)
    stripe.account_status(account=account)
    stripe.onboarding_link(
        account=account, refresh_url="https://a.example", return_url="https://a.example"
    )


def use_pages_and_disputes(psp, stripe, account, driver):
    request = CheckoutRequest(
        account=account,
        amount_minor=700,
        currency="EUR",
        application_fee_minor=70,
        hold=False,
        title="Charging",
        order_number="0123456789ABCDEF0123",
        success_url="https://a.example/ok",
        cancel_url="https://a.example/no",
        locale="de",
        email="guest@example.org",
        expires_at=datetime.now(UTC) + timedelta(hours=2),
        idempotency_key=key("page"),
    )
    page = stripe.open_checkout(request)
    stripe.fetch_checkout(account=account, checkout_ref=page.ref)
    closed = stripe.expire_checkout(
        account=account, checkout_ref=page.ref, idempotency_key=key("close")
    )
    again = stripe.expire_checkout(
        account=account, checkout_ref=page.ref, idempotency_key=key("close")
    )
    assert closed.state == again.state == "expired"
    stripe.open_setup(
        SetupRequest(
            account=None,
            customer_ref=driver.customer,
            currency="EUR",
            success_url="https://a.example/ok",
            cancel_url="https://a.example/no",
            locale="fr",
            idempotency_key=key("setup"),
        )
    )
    payment = stripe.authorize(hold_request(account, driver))
    capture(stripe, account, payment)
    refund = stripe.refund(
        account=account,
        payment_ref=payment.ref,
        amount_minor=100,
        refund_application_fee=True,
        idempotency_key=key("refund"),
    )
    assert stripe.fetch_refund(account=account, refund_ref=refund.ref) == refund
    dispute = psp.control("disputes", {"payment_intent": payment.ref})["id"]
    evidence = DisputeEvidence(
        product_description="Electricity",
        service_date="2026-03-01",
        customer_email="driver@example.org",
        activity_log="started",
        refund_policy="none",
        text="receipt",
    )
    for _ in range(2):
        known = stripe.submit_evidence(
            account=account,
            dispute_ref=dispute,
            evidence=evidence,
            idempotency_key=key("evidence"),
        )
        assert known.state == "submitted"


@pytest.mark.parametrize("wrong", [{"amount_minor": 0}, {"account": ""}])
def test_no_page_is_asked_for_without_payee_and_amount(wrong):
    values = {
        "account": "acct_1",
        "amount_minor": 700,
        "currency": "EUR",
        "application_fee_minor": 0,
        "hold": True,
        "title": "Charging",
        "order_number": "A",
        "success_url": "",
        "cancel_url": "",
        "locale": "de",
        "email": None,
        "expires_at": datetime.now(UTC),
        "idempotency_key": "k",
    }
    with pytest.raises(ValueError, match=r"page|ask"):
        CheckoutRequest(**{**values, **wrong})


@pytest.mark.skipif(not CONTRACT.exists(), reason="no published description here")
def test_everything_sent_is_in_the_published_contract(psp, stripe, account, driver):
    from simulators.psp import routes  # noqa: PLC0415

    contract = json.loads(CONTRACT.read_text())
    use_everything(stripe, account, driver)
    use_pages_and_disputes(psp, stripe, account, driver)
    calls = psp.calls()
    assert calls
    for call in calls:
        route, _ = routes.find(call["method"], call["path"])
        operation = contract["paths"][route.path][call["method"].lower()]
        known = {parameter["name"] for parameter in operation.get("parameters", ())}
        if call["method"] == "POST":
            content = operation["requestBody"]["content"]
            schema = content["application/x-www-form-urlencoded"]["schema"]
            known |= set(schema["properties"])
        assert set(call["params"]) <= known, call["path"]


def test_money_calls_name_the_payee_and_carry_a_key(psp, stripe, account, driver):
    psp.control("calls", method="DELETE")
    use_everything(stripe, account, driver)
    for call in psp.calls():
        if "payment_intents" in call["path"] or "refunds" in call["path"]:
            assert call["account"] == account
        if call["method"] == "POST" and "account_links" not in call["path"]:
            assert call["idempotency_key"].startswith(
                ("hold-", "capture-", "refund-", "c-")
            )


def test_secrets_never_show(psp, account, driver, caplog):
    stripe = adapter_for(psp)
    with caplog.at_level(logging.DEBUG):
        stripe.authorize(hold_request(account, driver))
    assert caplog.records
    for text in (caplog.text, repr(stripe), str(stripe), repr(stripe._config)):
        assert psp.api_key not in text
        assert psp.webhook_secret not in text


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"base_url": ""}, "base_url"),
        ({"base_url": "ftp://a.example"}, "base_url"),
        ({"base_url": "http://a.example", "api_key": "sk_live_x"}, "https"),
        ({"api_key": ""}, "api_key"),
        ({"timeout_s": 0}, "timeout_s"),
    ],
)
def test_wrong_settings_say_what_is_wrong_and_show_no_secret(change, word):
    with pytest.raises(ValueError, match=word) as error:
        StripeConfig.from_mapping("stripe", SETTINGS | change)
    assert "sk_" not in str(error.value)


def test_settings_may_hold_several_webhook_secrets():
    several = SETTINGS | {"webhook_secret": ["whsec_a", "whsec_b"]}
    config = StripeConfig.from_mapping("stripe", several)
    assert config.webhook_secrets == ("whsec_a", "whsec_b")
    none = {name: SETTINGS[name] for name in ("base_url", "api_key")}
    config = StripeConfig.from_mapping("stripe", none)
    assert config.webhook_secrets == ()
    assert config.timeout_s == 10.0


def test_the_registry_knows_what_the_settings_name(settings):
    settings.PAYMENT_PROVIDERS = {"stripe": SETTINGS}
    first = registry.get_provider("stripe")
    assert isinstance(first, StripeConnect)
    assert registry.get_provider("stripe") is first
    settings.PAYMENT_PROVIDERS = {
        "stripe": SETTINGS | {"timeout_s": 4},
        "other": SETTINGS | {"adapter": "nobody"},
    }
    assert registry.get_provider("stripe") is not first
    with pytest.raises(registry.UnableToFindProvider, match="nobody"):
        registry.get_provider("other")
    with pytest.raises(registry.UnableToFindProvider, match="other, stripe"):
        registry.get_provider("unknown")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("requires_payment_method", "processing"),
        ("requires_confirmation", "processing"),
        ("processing", "processing"),
        ("a_status_of_the_future", "processing"),
        ("requires_capture", "authorized"),
        ("canceled", "cancelled"),
    ],
)
def test_states_that_are_not_final_stay_open(status, state):
    intent = {"id": "pi_1", "status": status, "amount": 100, "currency": "eur"}
    payment = mapping.payment(intent)
    assert isinstance(payment, ProviderPayment)
    assert payment.state == state


def test_an_unexpanded_charge_is_still_a_reference():
    intent = {
        "id": "pi_1",
        "status": "succeeded",
        "amount": 100,
        "currency": "eur",
        "latest_charge": "ch_1",
    }
    assert mapping.payment(intent).charge_ref == "ch_1"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("succeeded", "succeeded"),
        ("requires_action", "pending"),
        ("failed", "failed"),
        ("canceled", "cancelled"),
        (None, "pending"),
    ],
)
def test_refund_states(status, state):
    data = {"id": "re_1", "status": status, "amount": 1, "currency": "eur"}
    assert mapping.refund(data, fee_refunded_minor=0).state == state
