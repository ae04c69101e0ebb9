"""Answers that the simulator does not give, by hand; no provider is asked."""

import pytest

from settlement.models import Payment, PaymentAttempt, Receivable, Refund
from settlement.providers.base import (
    ProviderDeclined,
    ProviderRefund,
    ProviderRejected,
    ProviderUnavailable,
)
from settlement.services import attempts, outcomes, payments
from settlement.services.asking import Refused, Unanswered
from tests.integration.settlement.script import (
    account,
    answered,
    captured,
    hold,
    known,
    opened,
    script,
)
from tests.integration.settlement.shop import proved, topics
from tests.integration.settlement.world import AT, PARTIES

__all__ = ["account", "opened", "script"]


def test_a_hold_that_is_being_processed_is_asked_again(opened, script):
    opened()
    payment = answered(script, known("processing"), known("authorized"))

    assert payment.state == "AUTHORIZED"
    assert [q.idempotency_key for q in script.asked] == [
        PaymentAttempt.objects.get().idempotency_key
    ] * 2


@pytest.mark.parametrize(
    ("answer", "state", "code"),
    [
        (known("failed"), "DECLINED", "failed"),
        (known("failed", decline_code="lost_card"), "DECLINED", "lost_card"),
        (known("cancelled"), "RELEASED", ""),
        (Refused(ProviderDeclined("stolen_card", "No.")), "DECLINED", "stolen_card"),
        (
            Refused(ProviderRejected("authentication_failed", "Wrong key.")),
            "DECLINED",
            "authentication_failed",
        ),
    ],
)
def test_a_hold_that_does_not_come(opened, script, answer, state, code):
    opened()
    payment = answered(script, answer)

    assert (payment.state, payment.decline_code) == (state, code)


def test_a_question_of_the_bank_off_session_is_a_decline_and_is_cancelled(
    opened, script
):
    opened()
    payment = answered(
        script, known("requires_action", action_url="https://x"), known("cancelled")
    )

    assert (payment.state, payment.decline_code) == (
        "DECLINED",
        "authentication_required",
    )
    assert [q.kind for q in script.asked] == ["authorize", "cancel"]


def test_a_release_asked_for_before_the_bank_asks_cancels_the_question(opened, script):
    opened(off_session=False)
    script.answers.append(Unanswered(ProviderUnavailable("?")))
    attempt = PaymentAttempt.objects.get()
    attempts.perform_attempt(attempt.pk, at=AT)
    payments.request_release(payment_id=attempt.payment_id, reason="gone", at=AT)

    payment = answered(
        script, known("requires_action", action_url="https://x"), known("cancelled")
    )

    assert payment.state == "RELEASED"
    assert payment.action_url == "https://x"


def test_a_hold_that_is_captured_at_once_counts(opened, script):
    opened()
    payment = answered(script, known("captured", amount_received_minor=5000))

    assert (payment.state, payment.captured_minor) == ("CAPTURED", 5000)
    assert topics(payment.order_number) == ["PaymentCaptured"]
    proved()


def test_the_fee_that_the_provider_really_took_is_booked(opened, script):
    payment = captured(opened, script, fee=97)

    lines = dict(payment.split_lines.values_list("party", "amount_minor"))
    assert lines == {"operator": 704, "platform": 97, "host": 150, "supplier": 50}
    proved()


def test_a_fee_without_a_platform_in_the_split_is_shown_as_the_platforms(
    opened, script
):
    opened(parties=PARTIES[:1])
    answered(script, known("authorized"))
    payment = Payment.objects.get()
    payments.request_capture(payment_id=payment.pk, amount_minor=1000, at=AT)
    payment = answered(
        script, known("captured", amount_received_minor=1000, application_fee_minor=40)
    )

    lines = dict(payment.split_lines.values_list("party", "amount_minor"))
    assert lines == {"operator": 960, "platform": 40}
    payments.request_refund(
        payment_id=payment.pk,
        amount_minor=None,
        reason="x",
        refund_application_fee=True,
        key="r",
        by="x",
        at=AT,
    )
    answered(script, _refund("succeeded", 1000, 40))
    assert sum(payment.split_lines.values_list("amount_minor", flat=True)) == 0
    proved()


def _refund(state, amount, fee):
    return ProviderRefund(
        ref="re_1",
        state=state,
        amount_minor=amount,
        currency="EUR",
        payment_ref="pi_1",
        charge_ref="ch_1",
        application_fee_refunded_minor=fee,
    )


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_refund_that_fails_moves_nothing(opened, script, state):
    payment = captured(opened, script)
    payments.request_refund(
        payment_id=payment.pk,
        amount_minor=500,
        reason="x",
        refund_application_fee=True,
        key="r",
        by="x",
        at=AT,
    )
    payment = answered(script, _refund(state, 500, 0))

    assert (payment.state, payment.refunded_minor) == ("CAPTURED", 0)
    assert Refund.objects.get().state == "failed"
    assert topics(payment.order_number)[-1] == "RefundFailed"


def test_a_refused_capture_whose_hold_is_gone_is_a_debt(opened, script):
    payment = hold(opened, script)
    payments.request_capture(payment_id=payment.pk, amount_minor=900, at=AT)
    refused = Refused(ProviderRejected("gone", "Gone."), known("cancelled"))
    payment = answered(script, refused)

    assert payment.state == "RECEIVABLE"
    assert Receivable.objects.get().reason == "the hold is gone"


def test_a_refused_capture_that_was_taken_by_hand_counts(opened, script):
    payment = hold(opened, script)
    payments.request_capture(payment_id=payment.pk, amount_minor=900, at=AT)
    refused = Refused(
        ProviderRejected("state", "Captured."),
        known("captured", amount_received_minor=400),
    )
    payment = answered(script, refused)

    assert (payment.state, payment.captured_minor) == ("CAPTURED", 400)
    assert Receivable.objects.get().amount_minor == 500
    proved()


def test_a_capture_that_the_bank_declines_is_asked_with_new_keys_and_then_owed(
    opened, script
):
    payment = hold(opened, script)
    payments.request_capture(payment_id=payment.pk, amount_minor=900, at=AT)
    declined = Refused(ProviderDeclined("do_not_honor", "No."))
    payment = answered(
        script, *[declined] * outcomes.CAPTURE_ATTEMPTS_MAX, known("cancelled")
    )

    keys = [q.idempotency_key for q in script.asked if q.kind == "capture"]
    assert len(set(keys)) == outcomes.CAPTURE_ATTEMPTS_MAX
    assert payment.state == "RECEIVABLE"
    proved()


def test_a_hold_that_stays_after_a_capture_is_captured_again(opened, script):
    payment = hold(opened, script)
    payments.request_capture(payment_id=payment.pk, amount_minor=900, at=AT)
    taken = known("captured", amount_received_minor=900, application_fee_minor=90)
    payment = answered(script, known("authorized"), taken)

    assert payment.state == "CAPTURED"
    assert [q.idempotency_key[-1] for q in script.asked[1:]] == ["1", "2"]


def test_a_hold_that_stays_after_a_release_is_released_again(opened, script):
    payment = hold(opened, script)
    payments.request_release(payment_id=payment.pk, reason="x", at=AT)
    payment = answered(script, known("authorized"), known("cancelled"))

    assert payment.state == "RELEASED"


def test_a_capture_that_meets_a_running_release_becomes_a_debt(opened, script):
    payment = hold(opened, script)
    payments.request_release(payment_id=payment.pk, reason="x", at=AT)
    payments.request_capture(payment_id=payment.pk, amount_minor=300, at=AT)
    payment = answered(script, known("cancelled"))

    assert payment.state == "RECEIVABLE"
    assert Receivable.objects.get().amount_minor == 300


def test_a_release_that_finds_the_money_taken_counts_it(opened, script):
    payment = hold(opened, script)
    payments.request_release(payment_id=payment.pk, reason="x", at=AT)
    refused = Refused(
        ProviderRejected("state", "Captured."),
        known("captured", amount_received_minor=400),
    )
    payment = answered(script, refused)

    assert (payment.state, payment.captured_minor) == ("CAPTURED", 400)
    proved()
