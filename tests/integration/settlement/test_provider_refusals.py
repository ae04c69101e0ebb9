"""Holds and captures that a provider refuses or never answers."""

from datetime import timedelta

import pytest
from django.utils import timezone

from settlement.models import PayeeAccount, Payment, PaymentAttempt
from settlement.services import attempts, holds, outcomes, payees, payments
from tests.integration.settlement.shop import make_shop, proved, settle, topics, use
from tests.outbox import drain
from tests.psp_process import running_psp

pytestmark = pytest.mark.integration


def test_an_account_that_is_blocked_refuses_the_hold_and_the_next_order(shop, psp):
    reference = shop.account.reference
    psp.control(
        f"accounts/{reference}",
        {"charges_enabled": False, "disabled_reason": "requirements.past_due"},
    )

    payment = shop.hold()

    assert (payment.state, payment.decline_code) == (
        "DECLINED",
        "payee_account_blocked",
    )
    account = PayeeAccount.objects.get(pk=shop.account.pk)
    assert not account.charges_enabled
    assert account.disabled_reason == "requirements.past_due"
    with pytest.raises(payees.UnableToResolvePayee, match="payee_account_blocked"):
        shop.open()


def test_a_capture_that_is_refused_for_good_becomes_a_debt_and_frees_the_hold(
    shop, psp, monkeypatch
):
    payment = shop.hold()
    psp.fault("error_before", path="/capture", status=400, times=0)

    shop.capture(payment, 1001)
    settle()

    payment = shop.payment(payment)
    asked = PaymentAttempt.objects.filter(kind="capture")
    assert asked.count() == outcomes.CAPTURE_ATTEMPTS_MAX
    assert payment.state == "RECEIVABLE"
    assert shop.intent(payment).state == "cancelled"
    assert topics(payment.order_number)[-1] == "PaymentReceivable"
    proved()


def test_a_refused_capture_waits_before_it_is_asked_again(shop, psp):
    payment = shop.hold()
    psp.fault("error_before", path="/capture", status=400, times=1)

    shop.capture(payment, 1001)

    second = PaymentAttempt.objects.get(kind="capture", number=2)
    assert second.next_try_at > timezone.now() + timedelta(seconds=10)
    settle()
    assert shop.payment(payment).state == "CAPTURED"


def test_a_refused_release_is_asked_again_and_then_left_to_end(shop, psp):
    payment = shop.hold()
    psp.fault("error_before", path="/cancel", status=400, times=0)

    payments.request_release(payment_id=payment.pk, reason="x", at=timezone.now())
    settle()

    asked = PaymentAttempt.objects.filter(kind="cancel").count()
    assert asked == outcomes.CAPTURE_ATTEMPTS_MAX
    assert shop.payment(payment).state == "RELEASED"


def test_a_hold_that_expired_at_the_provider_makes_a_debt_of_the_capture(db, settings):
    with running_psp(hold_s=60) as psp:
        use(settings, psp)
        shop = make_shop(psp)
        payment = shop.hold()
        psp.control("clock", {"advance_s": 3600})

        payment = shop.capture(payment, 800)
        settle()

        payment = shop.payment(payment)
        assert payment.state == "RECEIVABLE"
        assert topics(payment.order_number)[-1] == "PaymentReceivable"


def test_a_hold_is_warned_about_and_released_before_it_expires(shop, psp):
    payment = shop.hold()
    ends = payment.capture_before

    assert holds.handle_expiring(at=ends - timedelta(days=1)) == 0
    assert holds.handle_expiring(at=ends - timedelta(hours=11)) == 1
    assert holds.handle_expiring(at=ends - timedelta(hours=10)) == 0
    assert topics(payment.order_number)[-1] == "PaymentHoldExpiring"
    assert holds.handle_expiring(at=ends - timedelta(minutes=50)) == 1
    settle()

    assert shop.payment(payment).state == "RELEASED"
    assert shop.capture(payment, 900).state == "RECEIVABLE"


def test_a_provider_without_settings_is_asked_again_later(shop, settings):
    view = shop.open()
    configured = settings.PAYMENT_PROVIDERS
    settings.PAYMENT_PROVIDERS = {}
    drain(impatient=False)
    attempt = PaymentAttempt.objects.get()
    assert attempt.state == "unknown"
    assert "PAYMENT_PROVIDERS" in attempt.error_message

    settings.PAYMENT_PROVIDERS = configured
    settle()
    assert shop.payment(view).state == "AUTHORIZED"


def test_the_sweep_wakes_what_nobody_asks(shop, psp):
    shop.open()
    PaymentAttempt.objects.update(next_try_at=timezone.now() - timedelta(minutes=5))
    from cpms.outbox.models import Delivery  # noqa: PLC0415

    Delivery.objects.update(state="dead")

    assert attempts.sweep(at=timezone.now()) == 1
    assert attempts.sweep(at=timezone.now()) == 0
    drain()
    assert Payment.objects.get().state == "AUTHORIZED"


def test_backoff_grows_to_a_limit_with_jitter():
    for tries in range(200):
        wait = attempts.backoff_s(tries)
        ceiling = min(attempts.BACKOFF_MAX_S, 2.0**tries if tries < 20 else 1e9)
        assert ceiling / 2 <= wait <= ceiling


def test_asking_inside_a_database_transaction_is_refused(transactional_db):
    from django.db import transaction  # noqa: PLC0415

    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        attempts.perform_attempt(1, at=timezone.now())
