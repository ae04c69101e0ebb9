"""Time-outs, lost answers, killed workers: nothing twice, nothing lost."""

from datetime import timedelta

import pytest
from django.utils import timezone

from settlement.models import LedgerEntry, Payment, PaymentAttempt
from settlement.providers.base import ProviderUnavailable
from settlement.services import asking, attempts, outcomes, payments, webhooks
from tests.integration.settlement.shop import proved, settle, topics
from tests.outbox import drain

pytestmark = pytest.mark.integration


SPOILT = ["lost_answer", "error_after", "error_before", "refuse", "rate_limit"]


class Killed(BaseException):
    """A worker that dies without a word."""


@pytest.mark.parametrize("kind", SPOILT)
def test_a_spoilt_hold_is_asked_again_with_the_same_key(shop, psp, kind):
    psp.control("calls", method="DELETE")
    psp.fault(kind, path="/v1/payment_intents", method="POST", times=2)
    view = shop.open()
    drain(impatient=False)

    attempt = PaymentAttempt.objects.get()
    # Told to come later, nothing was tried.
    wanted = ("pending", 0) if kind == "rate_limit" else ("unknown", 1)
    assert (attempt.state, attempt.tries) == wanted
    assert attempt.next_try_at > timezone.now() or kind == "rate_limit"
    settle()

    attempt.refresh_from_db()
    assert attempt.state == "succeeded"
    assert shop.payment(view).state == "AUTHORIZED"
    held = [c for c in psp.calls("payment_intents") if c["method"] == "POST"]
    assert len(held) > 1
    assert attempt.tries == (1 if kind == "rate_limit" else len(held))
    assert {c["idempotency_key"] for c in held} == {attempt.idempotency_key}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_spoilt_capture_takes_the_money_once(shop, psp, kind):
    payment = shop.hold()
    psp.fault(kind, path="/capture", times=2)

    shop.capture(payment, 1001)
    settle()

    assert shop.payment(payment).state == "CAPTURED"
    assert shop.books()["captured_minor"] == 1001
    assert LedgerEntry.objects.filter(source="payment.capture").count() == 1
    assert topics(payment.order_number).count("PaymentCaptured") == 1
    proved()


@pytest.mark.parametrize("kind", SPOILT)
def test_a_spoilt_release_releases(shop, psp, kind):
    payment = shop.hold()
    psp.fault(kind, path="/cancel", times=2)

    payments.request_release(payment_id=payment.pk, reason="x", at=timezone.now())
    settle()

    assert shop.payment(payment).state == "RELEASED"
    assert topics(payment.order_number).count("PaymentReleased") == 1


@pytest.mark.parametrize("kind", SPOILT)
def test_a_spoilt_refund_gives_back_once(shop, psp, kind):
    payment = shop.captured(1000)
    psp.fault(kind, path="/v1/refunds", times=2)

    shop.refund(payment, 400)
    settle()

    payment = shop.payment(payment)
    assert (payment.state, payment.refunded_minor) == ("PARTLY_REFUNDED", 400)
    assert shop.books()["refunded_minor"] == 400
    proved()


@pytest.mark.parametrize("step", ["before", "after"])
@pytest.mark.parametrize("deed", ["hold", "capture", "cancel", "refund"])
def test_a_worker_killed_around_the_call_changes_nothing(
    shop, psp, monkeypatch, step, deed
):
    payment = None if deed == "hold" else shop.hold()
    if deed == "refund":
        payment = shop.capture(payment, 1000)
    real = asking.ask

    def die(question):
        if step == "after":
            real(question)
        raise Killed

    monkeypatch.setattr(asking, "ask", die)
    with pytest.raises(Killed):
        payment = _do(shop, deed, payment) or payment
    monkeypatch.setattr(asking, "ask", real)
    attempt = PaymentAttempt.objects.get(state="in_flight")

    assert attempts.perform_attempt(attempt.pk, at=timezone.now()) > 0  # leased
    at = attempt.next_try_at + timedelta(seconds=1)
    assert attempts.perform_attempt(attempt.pk, at=at) is None
    settle()

    payment = Payment.objects.get()
    wanted = {
        "hold": "AUTHORIZED",
        "capture": "CAPTURED",
        "cancel": "RELEASED",
        "refund": "REFUNDED",
    }
    assert payment.state == wanted[deed]
    assert shop.intent(payment).amount_received_minor == payment.captured_minor
    assert shop.intent(payment).amount_refunded_minor == payment.refunded_minor
    proved()


def _do(shop, deed, payment):
    if deed == "hold":
        return shop.hold()
    if deed == "capture":
        return shop.capture(payment, 1001)
    if deed == "cancel":
        return shop.capture(payment, 0)
    return shop.refund(payment)


def test_a_killed_recording_is_made_up_for(shop, monkeypatch):
    payment = shop.hold()
    real = outcomes.record

    def die(*_, **__):
        raise Killed

    monkeypatch.setattr(outcomes, "record", die)
    with pytest.raises(Killed):
        shop.capture(payment, 1001)
    monkeypatch.setattr(outcomes, "record", real)
    assert shop.payment(payment).state == "CAPTURING"
    assert not LedgerEntry.objects.exists()

    settle()

    assert shop.payment(payment).state == "CAPTURED"
    assert shop.books()["captured_minor"] == 1001
    proved()


def test_a_late_failure_of_a_replaced_worker_is_ignored(shop, monkeypatch):
    view = shop.open()
    attempt = PaymentAttempt.objects.get()
    real = asking.ask

    def slow(question):
        monkeypatch.setattr(asking, "ask", real)
        PaymentAttempt.objects.filter(pk=attempt.pk).update(
            tries=2
        )  # another took over
        return asking.Unanswered(ProviderUnavailable("too slow"))

    monkeypatch.setattr(asking, "ask", slow)
    wait = attempts.perform_attempt(attempt.pk, at=timezone.now())

    attempt.refresh_from_db()
    assert (attempt.state, attempt.error_code) == ("in_flight", "")
    assert wait > 0
    settle()
    assert shop.payment(view).state == "AUTHORIZED"


def test_a_provider_that_remembers_its_error_gets_a_new_question_for_the_capture(
    shop, psp
):
    payment = shop.hold()
    psp.fault("error_stored", path="/capture", times=1)

    shop.capture(payment, 1001)
    settle()

    tries = PaymentAttempt.objects.filter(kind="capture").order_by("number")
    assert [a.state for a in tries] == ["failed", "succeeded"]
    assert tries[0].tries == attempts.TRIES_MAX + 1
    assert shop.payment(payment).state == "CAPTURED"
    assert shop.books()["captured_minor"] == 1001


def test_a_hold_that_nobody_confirms_is_given_up_and_cleaned_up(shop, psp, settings):
    """The provider holds the money but never tells: its event does."""
    psp.fault("lost_answer", path="/v1/payment_intents", method="POST", times=1)
    view = shop.open()
    drain(impatient=False)
    known = settings.PAYMENT_PROVIDERS
    settings.PAYMENT_PROVIDERS = {
        "stripe": {**known["stripe"], "base_url": "http://127.0.0.1:9"}
    }
    settle(attempts.TRIES_MAX)
    attempt = PaymentAttempt.objects.get()
    assert attempt.state == "unknown"
    later = attempt.first_asked_at + attempts.AUTHORIZE_PATIENCE + timedelta(hours=1)
    assert attempts.perform_attempt(attempt.pk, at=later) is None
    payment = shop.payment(view)
    assert (payment.state, payment.decline_code) == ("DECLINED", "provider_unreachable")
    settings.PAYMENT_PROVIDERS = known

    webhooks.poll(payee_account_id=shop.account.pk, at=timezone.now())
    settle()

    payment = shop.payment(view)
    assert payment.state == "DECLINED"
    assert shop.intent(payment).state == "cancelled"


def test_a_release_does_not_wait_for_a_silent_provider_for_ever(shop, psp):
    psp.fault("refuse", path="/v1/payment_intents", times=0)
    view = shop.open()
    drain(impatient=False)
    payments.request_release(payment_id=view.id, reason="gone", at=timezone.now())
    settle()
    assert shop.payment(view).state == "AUTHORIZING"
    attempt = PaymentAttempt.objects.get()

    later = attempt.first_asked_at + timedelta(hours=1)
    attempts.perform_attempt(attempt.pk, at=later)

    assert shop.payment(view).state == "RELEASED"


def test_a_release_asked_for_while_the_answer_is_awaited_follows_it(shop, psp):
    psp.fault("lost_answer", path="/v1/payment_intents", method="POST", times=1)
    view = shop.open()
    drain(impatient=False)

    payments.request_release(payment_id=view.id, reason="gone", at=timezone.now())
    assert shop.payment(view).state == "AUTHORIZING"
    settle()

    payment = shop.payment(view)
    assert payment.state == "RELEASED"
    assert shop.intent(payment).state == "cancelled"


def test_a_refund_that_is_never_answered_goes_to_the_operator(shop, psp):
    payment = shop.captured(1000)
    psp.fault("refuse", path="/v1/refunds", times=0)
    shop.refund(payment, 100)
    attempt = PaymentAttempt.objects.get(kind="refund")

    later = attempt.first_asked_at + attempts.KEY_LIFETIME + timedelta(minutes=1)
    assert attempts.perform_attempt(attempt.pk, at=later) is None

    assert topics(payment.order_number)[-1] == "RefundFailed"
    assert shop.payment(payment).state == "CAPTURED"
