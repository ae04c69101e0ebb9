"""Onboarding, balances, events, and requests that must not be made."""

from datetime import timedelta

import pytest

from settlement.providers.base import ProviderRejected
from settlement.providers.stripe_connect import mapping
from tests.integration.providers.conftest import (
    adapter_for,
    capture,
    hold_request,
    key,
    new_driver,
    onboarded,
)


def test_balance_lines_split_the_fee_by_who_takes_it(stripe, account, driver):
    refs = []
    for amount in (1000, 2000, 3000):
        payment = stripe.authorize(hold_request(account, driver))
        refs.append(capture(stripe, account, payment, amount=amount, fee=70).charge_ref)
    lines = stripe.list_balance_transactions(account=account, after=None, limit=100)
    assert [line.source_ref for line in lines] == refs
    first = lines[0]
    assert first.type == "charge"
    assert (first.amount_minor, first.fee_minor, first.net_minor) == (1000, 110, 890)
    assert (first.provider_fee_minor, first.application_fee_minor) == (40, 70)
    assert first.available_at - first.created_at == timedelta(days=2)
    after = stripe.list_balance_transactions(
        account=account, after=lines[0].ref, limit=1
    )
    assert after == [lines[1]]
    rest = stripe.list_balance_transactions(
        account=account, after=lines[1].ref, limit=50
    )
    assert rest == [lines[2]]
    none = stripe.list_balance_transactions(
        account=account, after=lines[2].ref, limit=50
    )
    assert none == []


def test_events_are_listed_oldest_first_and_hold_references_only(stripe, account, held):
    captured = capture(stripe, account, held)
    events = stripe.list_events(account=account, after=None, limit=100)
    types = [event.type for event in events]
    assert types[0] == "account.updated"
    assert types[-2:] == ["charge.captured", "payment_intent.succeeded"]
    assert {event.account for event in events} == {account}
    assert events[-1].object_ref == events[-1].payment_ref == held.ref
    assert events[-2].object_ref == captured.charge_ref
    assert events[-2].payment_ref == held.ref
    assert not any(hasattr(event, "amount_minor") for event in events)
    after = stripe.list_events(account=account, after=events[-3].ref, limit=1)
    assert after == [events[-2]]
    platform = stripe.list_events(account=None, after=None, limit=10_000)
    assert platform[-1].type == "application_fee.created"
    assert {event.account for event in platform} == {None}


def test_long_lists_are_read_in_pages(psp, stripe, account):
    for number in range(130):
        psp.control(f"accounts/{account}", {"requirements_due": [str(number)]})
    events = stripe.list_events(account=account, after=None, limit=1000)
    assert len(events) == 131
    after = stripe.list_events(account=account, after=events[5].ref, limit=120)
    assert after == events[6:126]


def test_a_history_beyond_the_limit_says_what_to_do(psp, stripe, account, monkeypatch):
    monkeypatch.setattr("settlement.providers.stripe_connect.listing.PAGE_MAX", 1)
    monkeypatch.setattr("settlement.providers.stripe_connect.listing.PAGES_MAX", 2)
    for _ in range(3):
        psp.control(f"accounts/{account}", {"requirements_due": []})
    with pytest.raises(ProviderRejected) as rejected:
        stripe.list_events(account=account, after=None, limit=10)
    assert rejected.value.code == "history_too_long"


def test_an_unknown_cursor_is_told_from_an_empty_list(stripe, account):
    with pytest.raises(ProviderRejected) as rejected:
        stripe.list_events(account=account, after="evt_gone", limit=10)
    assert rejected.value.code == "resource_missing"


def test_onboarding_from_nothing_to_the_first_payment(psp, stripe, driver):
    account = stripe.create_account(
        country="DE",
        currency="EUR",
        email="owner@example.org",
        idempotency_key=key("account"),
    )
    status = stripe.account_status(account=account)
    assert not status.charges_enabled
    assert not status.details_submitted
    assert status.disabled_reason == "requirements.past_due"
    assert status.requirements_due
    assert (status.currency, status.country) == ("EUR", "DE")
    with pytest.raises(ProviderRejected) as rejected:
        stripe.authorize(hold_request(account, driver))
    assert rejected.value.code == "account_blocked"
    assert "requirements.past_due" in rejected.value.message
    url = stripe.onboarding_link(
        account=account,
        refresh_url="https://cpms.example.org/again",
        return_url=f"{psp.base_url}/_sim/health",
    )
    psp_page(url)
    status = stripe.account_status(account=account)
    assert status.charges_enabled
    assert status.payouts_enabled
    assert status.requirements_due == ()
    assert status.disabled_reason is None
    assert stripe.authorize(hold_request(account, driver)).state == "authorized"


def psp_page(url):
    from urllib.request import Request, urlopen  # noqa: PLC0415

    with urlopen(Request(url, b"", method="POST"), timeout=10) as answer:
        assert answer.status == 200


def test_an_account_is_made_once_per_key(stripe):
    values = {"country": "DE", "currency": "EUR", "email": "owner@example.org"}
    one = key("account")
    first = stripe.create_account(**values, idempotency_key=one)
    assert stripe.create_account(**values, idempotency_key=one) == first


def test_unknown_accounts_and_wrong_requests_are_rejected_as_they_are(
    psp, stripe, account, driver
):
    with pytest.raises(ProviderRejected) as rejected:
        stripe.authorize(hold_request("acct_unknown", driver))
    assert rejected.value.code == "account_invalid"
    with pytest.raises(ProviderRejected) as rejected:
        stripe.authorize(hold_request(account, driver, amount_minor=1))
    assert rejected.value.code == "amount_too_small"
    with pytest.raises(ProviderRejected) as rejected:
        stripe.fetch_state(account=account, payment_ref="pi_unknown")
    assert rejected.value.code == "resource_missing"


def test_a_key_with_other_parameters_is_our_mistake(stripe, account, driver):
    request = hold_request(account, driver)
    stripe.authorize(request)
    other = hold_request(
        account, driver, idempotency_key=request.idempotency_key, amount_minor=4999
    )
    with pytest.raises(ProviderRejected) as rejected:
        stripe.authorize(other)
    assert rejected.value.code == "idempotency_mismatch"


def test_a_method_of_the_account_itself_is_not_cloned(psp, stripe, account, driver):
    before = len(psp.calls("payment_methods"))
    payment = stripe.authorize(
        hold_request(
            account, driver, customer_ref=None, payment_method_ref="pm_card_visa"
        )
    )
    assert payment.state == "authorized"
    assert len(psp.calls("payment_methods")) == before


def test_an_empty_account_never_reaches_the_platform(psp, stripe, driver, held):
    before = len(psp.calls())
    with pytest.raises(ValueError, match="payee account"):
        hold_request("", driver)
    for call in (
        lambda: stripe.cancel(account="", payment_ref=held.ref, idempotency_key="k"),
        lambda: stripe.fetch_state(account="", payment_ref=held.ref),
        lambda: stripe.list_events(account="", after=None, limit=1),
        lambda: stripe.list_balance_transactions(account="", after=None, limit=1),
        lambda: stripe.account_status(account=""),
        lambda: capture(stripe, "", held),
        lambda: stripe.refund(
            account="",
            payment_ref=held.ref,
            amount_minor=1,
            refund_application_fee=False,
            idempotency_key="k",
        ),
    ):
        with pytest.raises(ValueError, match=r"account|reference"):
            call()
    assert len(psp.calls()) == before


@pytest.mark.parametrize(
    "change",
    [
        {"amount_minor": 0},
        {"amount_minor": -5},
        {"idempotency_key": ""},
        {"idempotency_key": "k" * 201},
    ],
)
def test_impossible_holds_cannot_be_written_down(driver, change):
    with pytest.raises(ValueError, match=r"hold|key"):
        hold_request("acct_x", driver, **change)


def test_other_currencies(psp):
    stripe = adapter_for(psp)
    account = onboarded(psp, stripe, country="JP", currency="JPY")
    driver = new_driver(stripe)
    payment = stripe.authorize(hold_request(account, driver, currency="JPY"))
    captured = capture(stripe, account, payment, amount=500, fee=10)
    assert captured.currency == "JPY"
    assert psp.books()["accounts"][account]["jpy"]["captured_minor"] == 500


def test_a_saved_method_can_be_shown_to_its_payer(stripe, driver):
    shown = stripe.describe_payment_method(payment_method_ref=driver.method)
    assert (shown.kind, shown.brand, shown.last4) == ("card", "visa", "4242")
    assert (shown.expires_year, shown.expires_month) == (2039, 12)
    assert shown.customer_ref == driver.customer
    with pytest.raises(ProviderRejected) as rejected:
        stripe.describe_payment_method(payment_method_ref="pm_unknown")
    assert rejected.value.code == "resource_missing"


def test_a_method_that_is_no_card_has_no_digits():
    shown = mapping.payment_method({"id": "pm_1", "type": "sepa_debit"})
    assert (shown.brand, shown.last4, shown.customer_ref) == ("", "", None)
