"""The adapter when the provider or the network fails, and after a kill -9."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from settlement.providers.base import ProviderRejected, ProviderUnavailable
from tests.integration.providers.conftest import (
    adapter_for,
    hold_request,
    key,
    new_driver,
    onboarded,
)
from tests.psp_process import running_psp, start_psp, stop_psp


def intents(psp, account):
    """How many payments the account really has."""
    path = "/v1/payment_intents?limit=100"
    from urllib.request import Request, urlopen  # noqa: PLC0415

    request = Request(psp.base_url + path)
    request.add_header("Authorization", f"Bearer {psp.api_key}")
    request.add_header("Stripe-Account", account)
    with urlopen(request, timeout=10) as answer:
        import json  # noqa: PLC0415

        return json.load(answer)["data"]


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("error_before", {"status": 500}),
        ("error_before", {"status": 503}),
        ("error_after", {"status": 502}),
        ("rate_limit", {}),
        ("refuse", {}),
        ("lost_answer", {}),
    ],
)
def test_a_hold_asked_again_with_the_same_key_happens_once(
    psp, stripe, account, driver, kind, members
):
    psp.fault(kind, path="/v1/payment_intents", **members)
    request = hold_request(account, driver)
    with pytest.raises(ProviderUnavailable) as unavailable:
        stripe.authorize(request)
    throttled = kind == "rate_limit"
    wanted = "provider_throttled" if throttled else "provider_unavailable"
    assert unavailable.value.code == wanted
    if throttled:
        time.sleep(unavailable.value.wait_s)
    payment = stripe.authorize(request)
    assert payment.state == "authorized"
    assert [intent["id"] for intent in intents(psp, account)] == [payment.ref]


@pytest.mark.parametrize("kind", ["error_before", "refuse", "lost_answer"])
def test_a_failure_while_cloning_is_asked_again_too(psp, stripe, account, driver, kind):
    psp.fault(kind, path="/v1/payment_methods")
    request = hold_request(account, driver)
    with pytest.raises(ProviderUnavailable):
        stripe.authorize(request)
    assert intents(psp, account) == []
    assert stripe.authorize(request).state == "authorized"


@pytest.mark.parametrize("kind", ["error_after", "lost_answer", "error_before"])
def test_a_capture_asked_again_takes_the_money_once(psp, stripe, account, held, kind):
    psp.fault(kind, path="/capture")
    values = {
        "account": account,
        "payment_ref": held.ref,
        "amount_minor": 1234,
        "application_fee_minor": 100,
        "idempotency_key": key("capture"),
    }
    with pytest.raises(ProviderUnavailable):
        stripe.capture(**values)
    assert stripe.capture(**values).state == "captured"
    assert psp.books()["accounts"][account]["eur"]["captured_minor"] == 1234
    # Even when our row with the key was lost: the amounts tell.
    values["idempotency_key"] = key("capture")
    assert stripe.capture(**values).state == "captured"
    assert psp.books()["accounts"][account]["eur"]["captured_minor"] == 1234


def test_a_refund_asked_again_gives_the_money_back_once(psp, stripe, account, held):
    stripe.capture(
        account=account,
        payment_ref=held.ref,
        amount_minor=1000,
        application_fee_minor=100,
        idempotency_key=key("capture"),
    )
    psp.fault("lost_answer", path="/v1/refunds")
    values = {
        "account": account,
        "payment_ref": held.ref,
        "amount_minor": 400,
        "refund_application_fee": True,
        "idempotency_key": key("refund"),
    }
    with pytest.raises(ProviderUnavailable):
        stripe.refund(**values)
    assert stripe.refund(**values).application_fee_refunded_minor == 40
    assert psp.books()["accounts"][account]["eur"]["refunded_minor"] == 400


def test_the_fee_is_read_again_when_its_answer_was_lost(psp, stripe, account, held):
    stripe.capture(
        account=account,
        payment_ref=held.ref,
        amount_minor=1000,
        application_fee_minor=100,
        idempotency_key=key("capture"),
    )
    psp.fault("refuse", path="/v1/application_fees")
    values = {
        "account": account,
        "payment_ref": held.ref,
        "amount_minor": 1000,
        "refund_application_fee": True,
        "idempotency_key": key("refund"),
    }
    with pytest.raises(ProviderUnavailable):
        stripe.refund(**values)
    assert stripe.refund(**values).application_fee_refunded_minor == 100
    assert psp.books()["accounts"][account]["eur"]["refunded_minor"] == 1000


def test_a_silent_provider_is_unavailable_after_our_own_timeout(
    psp, stripe, account, driver
):
    psp.fault("timeout", path="/v1/payment_intents", seconds=30)
    request = hold_request(account, driver)
    hasty = adapter_for(psp, timeout_s=0.5)
    with pytest.raises(ProviderUnavailable):
        hasty.authorize(request)
    assert stripe.authorize(request).state == "authorized"
    assert len(intents(psp, account)) == 1


def test_the_sdk_never_retries_by_itself(psp, stripe, account, driver):
    psp.control("calls", method="DELETE")
    psp.fault("error_before", path="/v1/payment_intents", status=500, times=1)
    with pytest.raises(ProviderUnavailable):
        stripe.authorize(hold_request(account, driver))
    assert len(psp.calls("payment_intents")) == 1


def test_a_request_still_running_elsewhere_is_asked_again(psp, stripe, account, driver):
    psp.fault("latency", path="/v1/payment_intents", latency_ms=1500)
    request = hold_request(account, driver)
    with ThreadPoolExecutor(2) as threads:
        barrier = threading.Barrier(2)

        def ask():
            barrier.wait()
            try:
                return stripe.authorize(request)
            except ProviderUnavailable as unavailable:
                return unavailable

        answers = [job.result() for job in [threads.submit(ask) for _ in range(2)]]
    unavailable = [a for a in answers if isinstance(a, ProviderUnavailable)]
    assert len(unavailable) == 1
    assert stripe.authorize(request).state == "authorized"
    assert len(intents(psp, account)) == 1


def test_many_threads_share_one_adapter(psp, stripe, driver):
    accounts = [onboarded(psp, stripe) for _ in range(3)]

    def pay(number):
        account = accounts[number % 3]
        payment = stripe.authorize(hold_request(account, driver))
        return stripe.capture(
            account=account,
            payment_ref=payment.ref,
            amount_minor=100 + number,
            application_fee_minor=number,
            idempotency_key=key("capture"),
        )

    with ThreadPoolExecutor(6) as threads:
        payments = list(threads.map(pay, range(24)))
    assert len({payment.ref for payment in payments}) == 24
    books = psp.books()
    assert books["balanced"]
    for index, account in enumerate(accounts):
        expected = sum(100 + number for number in range(index, 24, 3))
        assert books["accounts"][account]["eur"]["captured_minor"] == expected


def test_an_error_kept_under_a_key_stays_unavailable(psp, stripe, account, driver):
    psp.fault("error_stored", path="/v1/payment_intents")
    request = hold_request(account, driver)
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            stripe.authorize(request)
    assert intents(psp, account) == []


def test_nobody_at_the_address(psp, account, driver):
    nobody = adapter_for(psp, base_url="http://127.0.0.1:9", timeout_s=2.0)
    with pytest.raises(ProviderUnavailable):
        nobody.authorize(hold_request(account, driver))


def test_a_wrong_key_is_rejected_without_showing_it(psp, account, driver):
    stranger = adapter_for(psp, api_key="sk_test_of_somebody_else")
    with pytest.raises(ProviderRejected) as rejected:
        stranger.account_status(account=account)
    assert rejected.value.code == "authentication_failed"
    assert "sk_test_of_somebody_else" not in str(rejected.value)


def test_proxies_of_the_environment_are_not_used(psp, account, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert adapter_for(psp).account_status(account=account).charges_enabled


def test_kill_9_between_capture_and_answer_loses_nothing(tmp_path):
    journal = tmp_path / "psp.jsonl"
    api_key = "sk_test_kept_over_the_restart"
    first = start_psp(journal=journal, api_key=api_key)
    try:
        stripe = adapter_for(first, timeout_s=2.0)
        account = onboarded(first, stripe)
        driver = new_driver(stripe)
        request = hold_request(account, driver)
        payment = stripe.authorize(request)
        first.fault("timeout", path="/capture", seconds=60)
        values = {
            "account": account,
            "payment_ref": payment.ref,
            "amount_minor": 777,
            "application_fee_minor": 77,
            "idempotency_key": key("capture"),
        }
        with pytest.raises(ProviderUnavailable):
            stripe.capture(**values)
        before = first.books()
        first.kill()
    finally:
        stop_psp(first)
    with running_psp(journal=journal, api_key=api_key) as second:
        stripe = adapter_for(second)
        assert second.books() == before
        assert stripe.authorize(request).ref == payment.ref
        assert stripe.capture(**values).amount_received_minor == 777
        books = second.books()
        assert books["accounts"][account]["eur"]["captured_minor"] == 777
        assert books["platform"]["eur"]["balance_minor"] == 77
