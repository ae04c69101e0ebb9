"""The adapter against the provider process: what happens to the money."""

from datetime import UTC, datetime, timedelta

import pytest

from settlement.providers.base import (
    PaymentProvider,
    ProviderAuthenticationRequired,
    ProviderDeclined,
    ProviderRejected,
)
from tests.integration.providers.conftest import (
    adapter_for,
    capture,
    hold_request,
    key,
    new_driver,
    onboarded,
)
from tests.psp_process import running_psp


def account_books(psp, account):
    books = psp.books()
    assert books["balanced"]
    return books["accounts"].get(account, {}).get("eur")


def test_the_adapter_is_a_payment_provider(stripe):
    provider: PaymentProvider = stripe
    assert isinstance(provider, PaymentProvider)
    assert provider.name == "stripe"


def test_a_hold_is_placed_on_the_payees_account(psp, stripe, account, driver):
    payment = stripe.authorize(hold_request(account, driver))
    assert payment.state == "authorized"
    assert payment.amount_minor == payment.amount_capturable_minor == 5000
    assert payment.amount_received_minor == 0
    assert payment.currency == "EUR"
    assert payment.order_number == "0123456789ABCDEF0123"
    assert payment.charge_ref is not None
    assert payment.application_fee_ref is None
    assert payment.capture_before is not None
    left = payment.capture_before - datetime.now(tz=UTC)
    assert timedelta(days=6) < left <= timedelta(days=7)
    assert account_books(psp, account) is None
    calls = psp.calls("payment_intents")
    assert calls[-1]["account"] == account


def test_asking_again_with_the_same_key_is_the_same_hold(psp, stripe, account, driver):
    request = hold_request(account, driver)
    first = stripe.authorize(request)
    before = len(psp.calls("payment_methods"))
    assert stripe.authorize(request) == first
    replayed = psp.calls("payment_methods")[before:]
    assert [call["replayed"] for call in replayed] == [True]


def test_a_capture_credits_the_operator_and_the_platform_only_its_fee(
    psp, stripe, account, held
):
    before = psp.books()["platform"].get("eur", {}).get("balance_minor", 0)
    payment = capture(stripe, account, held)
    assert payment.state == "captured"
    assert payment.amount_received_minor == 1234
    assert payment.amount_capturable_minor == 0
    assert payment.application_fee_minor == 100
    assert payment.application_fee_ref is not None
    assert payment.capture_before is None
    mine = account_books(psp, account)
    assert mine["captured_minor"] == 1234
    assert mine["application_fee_minor"] == 100
    books = psp.books()
    assert books["transfers"] == 0
    assert books["platform"]["eur"]["captured_minor"] == 0
    assert books["platform"]["eur"]["balance_minor"] == before + 100


def test_one_driver_pays_at_two_operators_each_directly(psp, stripe, driver):
    accounts = [onboarded(psp, stripe), onboarded(psp, stripe)]
    for account, amount in zip(accounts, (1000, 2000), strict=True):
        payment = stripe.authorize(hold_request(account, driver))
        capture(stripe, account, payment, amount=amount, fee=0)
    for account, amount in zip(accounts, (1000, 2000), strict=True):
        assert account_books(psp, account)["captured_minor"] == amount
        lines = stripe.list_balance_transactions(account=account, after=None, limit=10)
        assert [line.amount_minor for line in lines] == [amount]


def test_a_capture_without_a_platform_fee(psp, stripe, account, held):
    payment = capture(stripe, account, held, fee=0)
    assert payment.application_fee_ref is None
    assert account_books(psp, account)["application_fee_minor"] == 0


def test_a_second_capture_of_the_same_amounts_is_the_known_answer(
    psp, stripe, account, held
):
    first = capture(stripe, account, held)
    again = capture(stripe, account, held)
    assert again == first
    assert account_books(psp, account)["captured_minor"] == 1234


@pytest.mark.parametrize(("amount", "fee"), [(1235, 100), (1234, 99)])
def test_a_second_capture_of_other_amounts_is_rejected(
    stripe, account, held, amount, fee
):
    capture(stripe, account, held)
    with pytest.raises(ProviderRejected) as rejected:
        capture(stripe, account, held, amount=amount, fee=fee)
    assert rejected.value.code == "payment_intent_unexpected_state"


def test_more_than_the_hold_cannot_be_captured(psp, stripe, account, held):
    with pytest.raises(ProviderRejected) as rejected:
        capture(stripe, account, held, amount=5001)
    assert rejected.value.code == "amount_too_large"
    state = stripe.fetch_state(account=account, payment_ref=held.ref)
    assert state.state == "authorized"


@pytest.mark.parametrize(("amount", "fee"), [(0, 0), (100, 101), (100, -1), (-1, 0)])
def test_impossible_captures_are_not_even_asked(psp, stripe, held, amount, fee):
    before = len(psp.calls("capture"))
    with pytest.raises(ValueError, match="Cannot capture"):
        capture(stripe, "acct_x", held, amount=amount, fee=fee)
    assert len(psp.calls("capture")) == before


def test_cancel_releases_and_may_be_repeated(psp, stripe, account, held):
    for _ in range(2):
        payment = stripe.cancel(
            account=account, payment_ref=held.ref, idempotency_key=key("cancel")
        )
        assert payment.state == "cancelled"
        assert payment.amount_capturable_minor == 0
        assert payment.amount_refunded_minor == 0
    assert account_books(psp, account) is None
    with pytest.raises(ProviderRejected):
        capture(stripe, account, held)


def test_what_is_captured_cannot_be_cancelled(stripe, account, held):
    capture(stripe, account, held)
    with pytest.raises(ProviderRejected) as rejected:
        stripe.cancel(
            account=account, payment_ref=held.ref, idempotency_key=key("cancel")
        )
    assert rejected.value.code == "payment_intent_unexpected_state"


def test_an_expired_hold_is_cancelled_and_cannot_be_captured():
    # A process of its own: the others' clock stays right.
    with running_psp() as psp:
        stripe = adapter_for(psp)
        account = onboarded(psp, stripe)
        card = new_driver(stripe, "pm_sim_shortHold")
        payment = stripe.authorize(hold_request(account, card))
        psp.control("clock", {"advance_s": 61})
        state = stripe.fetch_state(account=account, payment_ref=payment.ref)
        assert state.state == "cancelled"
        assert state.raw["cancellation_reason"] == "expired"
        with pytest.raises(ProviderRejected):
            capture(stripe, account, payment)


def test_a_declined_card_is_final_and_names_the_reason(psp, stripe, account):
    poor = new_driver(stripe, "pm_sim_insufficientFundsLater")
    request = hold_request(account, poor)
    with pytest.raises(ProviderDeclined) as declined:
        stripe.authorize(request)
    assert declined.value.decline_code == "insufficient_funds"
    assert declined.value.code == "payment_declined"
    assert "insufficient funds" in declined.value.message
    state = stripe.fetch_state(account=account, payment_ref=declined.value.payment_ref)
    assert state.state == "failed"
    assert state.decline_code == "insufficient_funds"
    # The same key shows the same decline, even when the card has money now.
    psp.control(f"payment_methods/{poor.method}", {"behaviour": "succeed"})
    with pytest.raises(ProviderDeclined):
        stripe.authorize(request)
    fresh = hold_request(account, poor)
    assert stripe.authorize(fresh).state == "authorized"


def test_off_session_authentication_is_a_decline_of_its_own(stripe, account):
    careful = new_driver(stripe, "pm_card_authenticationRequired")
    with pytest.raises(ProviderAuthenticationRequired) as declined:
        stripe.authorize(hold_request(account, careful))
    assert declined.value.decline_code == "authentication_required"
    assert isinstance(declined.value, ProviderDeclined)


def test_on_session_the_payer_is_sent_to_the_bank(psp, stripe, account):
    careful = new_driver(stripe, "pm_card_authenticationRequired")
    payment = stripe.authorize(
        hold_request(
            account,
            careful,
            off_session=False,
            return_url="https://cpms.example.org/pay/back",
        )
    )
    assert payment.state == "requires_action"
    assert payment.action_url.startswith(psp.base_url)
    assert payment.amount_capturable_minor == 0
    path = f"payment_intents/{payment.ref}/authenticate"
    psp.control(path, {"outcome": "succeed"})
    state = stripe.fetch_state(account=account, payment_ref=payment.ref)
    assert state.state == "authorized"
    assert state.action_url is None


def test_a_refused_challenge_is_a_failed_payment(psp, stripe, account):
    careful = new_driver(stripe, "pm_card_authenticationRequired")
    payment = stripe.authorize(hold_request(account, careful, off_session=False))
    assert payment.action_url is None
    psp.control(f"payment_intents/{payment.ref}/authenticate", {"outcome": "fail"})
    state = stripe.fetch_state(account=account, payment_ref=payment.ref)
    assert state.state == "failed"
    assert state.decline_code == "payment_intent_authentication_failure"


def test_a_card_that_the_bank_refuses_cannot_be_saved(stripe):
    with pytest.raises(ProviderDeclined) as declined:
        new_driver(stripe, "pm_card_chargeDeclined")
    assert declined.value.decline_code == "generic_decline"


def test_refunds_with_the_fee_in_parts_and_whole(psp, stripe, account, held):
    capture(stripe, account, held, amount=1000, fee=101)

    def refund(amount, *, with_fee=True):
        return stripe.refund(
            account=account,
            payment_ref=held.ref,
            amount_minor=amount,
            refund_application_fee=with_fee,
            idempotency_key=key("refund"),
        )

    first = refund(500)
    assert (first.state, first.amount_minor, first.currency) == (
        "succeeded",
        500,
        "EUR",
    )
    assert first.payment_ref == held.ref
    assert first.application_fee_refunded_minor == 51
    second = refund(500)
    assert second.application_fee_refunded_minor == 101
    state = stripe.fetch_state(account=account, payment_ref=held.ref)
    assert state.amount_refunded_minor == 1000
    with pytest.raises(ProviderRejected) as rejected:
        refund(1)
    assert rejected.value.code == "charge_already_refunded"
    with pytest.raises(ValueError, match="Cannot refund"):
        refund(0)
    assert account_books(psp, account)["application_fee_returned_minor"] == 101


def test_a_refund_without_the_fee_leaves_it_to_the_platform(stripe, account, held):
    capture(stripe, account, held, amount=1000, fee=100)
    made = stripe.refund(
        account=account,
        payment_ref=held.ref,
        amount_minor=1000,
        refund_application_fee=False,
        idempotency_key=key("refund"),
    )
    assert made.application_fee_refunded_minor == 0


def test_a_dispute_shows_on_the_payment(psp, stripe, account, held):
    capture(stripe, account, held)
    psp.control("disputes", {"payment_intent": held.ref})
    assert stripe.fetch_state(account=account, payment_ref=held.ref).disputed
