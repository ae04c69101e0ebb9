"""Answers that the simulator does not give, by hand; no provider is asked."""

import pytest
from django.utils import timezone

from cpms.outbox.models import EventRecord
from settlement.models import (
    LedgerEntry,
    Payment,
    PaymentAttempt,
    ProviderTransaction,
    Receivable,
    Refund,
)
from settlement.providers.base import (
    ProviderDeclined,
    ProviderPayment,
    ProviderRefund,
    ProviderRejected,
    ProviderUnavailable,
)
from settlement.services import (
    asking,
    attempts,
    holds,
    outcomes,
    payments,
    reconciliation,
    verification,
)
from settlement.services.asking import Refused, Unanswered
from tests.integration.settlement.shop import settle, topics
from tests.integration.settlement.world import (
    AT,
    PARTIES,
    later,
    make_account,
    make_driver,
    make_method,
    open_payment,
)


class Script:
    """Answers the questions in order; keeps the questions."""

    def __init__(self):
        self.answers, self.asked = [], []

    def __call__(self, question):
        self.asked.append(question)
        return self.answers.pop(0)


@pytest.fixture
def script(monkeypatch):
    found = Script()
    monkeypatch.setattr(asking, "ask", found)
    return found


@pytest.fixture
def account(operator):
    return make_account(operator, "acct_1")


@pytest.fixture
def opened(operator, account):
    driver = make_driver()

    def open_one(**values):
        return open_payment(operator, driver, make_method(driver), **values)

    return open_one


def known(state, **values):
    amounts = {
        "amount_minor": 5000,
        "amount_capturable_minor": 5000,
        "amount_received_minor": 0,
        "currency": "EUR",
        "charge_ref": "ch_1",
    }
    return ProviderPayment(ref="pi_1", state=state, **{**amounts, **values})


def answered(script, *answers):
    script.answers += answers
    settle()
    assert not script.answers
    return Payment.objects.order_by("pk").last()


def proved():
    report = verification.prove()
    assert report.ok, report.as_json()


def hold(opened, script):
    opened()
    return answered(script, known("authorized"))


def captured(opened, script, amount=1001, fee=100):
    payment = hold(opened, script)
    payments.request_capture(payment_id=payment.pk, amount_minor=amount, at=AT)
    answer = known("captured", amount_received_minor=amount, application_fee_minor=fee)
    return answered(script, answer)


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


def test_an_old_question_is_only_looked_at(opened, script):
    payment = hold(opened, script)
    payments.request_capture(payment_id=payment.pk, amount_minor=900, at=AT)
    attempt = PaymentAttempt.objects.get(kind="capture")
    script.answers += [Unanswered(ProviderUnavailable("?"))] * 2
    attempts.perform_attempt(attempt.pk, at=later(minutes=5))
    late = later(minutes=6) + attempts.KEY_LIFETIME

    assert attempts.perform_attempt(attempt.pk, at=late) > 0

    assert [q.only_look for q in script.asked[1:]] == [False, True]
    attempt.refresh_from_db()
    assert attempt.state == "unknown"


def test_the_provider_may_wish_for_a_longer_pause(opened, script):
    opened()
    script.answers.append(Unanswered(ProviderUnavailable("busy", retry_after_s=120)))

    assert attempts.perform_attempt(PaymentAttempt.objects.get().pk, at=AT) == 120


def test_an_answer_that_came_otherwise_closes_the_question(opened, script):
    view = opened()
    attempt = PaymentAttempt.objects.get()

    def closed_meanwhile(_question):
        PaymentAttempt.objects.update(state="failed")
        return known("authorized")

    script.answers.append(None)
    asking.ask = closed_meanwhile

    assert attempts.perform_attempt(attempt.pk, at=AT) is None
    assert Payment.objects.get(pk=view.id).state == "AUTHORIZING"


def test_a_payment_that_was_never_answered_cannot_be_fetched(opened):
    assert not holds.refresh(payment_id=opened().id, at=AT)


def test_what_waits_too_long_is_named(opened):
    view = opened()

    assert holds.stuck(at=later(minutes=59)) == []
    assert holds.stuck(at=later(minutes=61)) == [view.id]


def test_a_capture_that_is_due_is_not_released_for_its_age(opened, script):
    payment = hold(opened, script)
    Payment.objects.update(capture_before=later(minutes=10), due_minor=100)

    assert holds.handle_expiring(at=later(minutes=9)) == 0
    Payment.objects.update(due_minor=None, release_reason="x")
    assert holds.handle_expiring(at=later(minutes=9)) == 0
    assert Payment.objects.get(pk=payment.pk).state == "AUTHORIZED"


def test_a_short_hold_is_warned_about_and_released_by_its_own_life(opened, script):
    payment = hold(opened, script)
    Payment.objects.update(capture_before=later(minutes=100))

    assert holds.handle_expiring(at=later(minutes=79)) == 0
    assert holds.handle_expiring(at=later(minutes=80)) == 1
    assert holds.handle_expiring(at=later(minutes=90)) == 1
    assert Payment.objects.get(pk=payment.pk).release_reason == "the hold expires"


def line(account, kind, **values):
    amounts = {
        "amount_minor": -30,
        "net_minor": -30,
        "provider_fee_minor": 0,
        "application_fee_minor": 0,
    }
    return ProviderTransaction.objects.create(
        operator_id=account.operator_id,
        payee_account=account,
        reference=f"txn_{kind}_{ProviderTransaction.objects.count()}",
        type=kind,
        currency="EUR",
        happened_at=AT,
        available_at=AT,
        seen_at=AT,
        **{**amounts, **values},
    )


def test_the_providers_other_fees_are_posted(account):
    line(account, "stripe_fee")
    line(account, "stripe_fee", amount_minor=0, net_minor=0)

    assert reconciliation.match(payee_account_id=account.pk, at=AT) == 2
    assert LedgerEntry.objects.get().source == "provider.provider_fees"
    proved()


def test_a_refund_that_nobody_knows_is_a_difference(account, opened, script):
    captured(opened, script)
    line(account, "refund")
    line(account, "strange_type")

    assert reconciliation.match(payee_account_id=account.pk, at=AT) == 0
    rows = account.reconciliationdifference_set.values_list("kind", flat=True)
    assert set(rows) == {"missing_here"}


def test_a_refused_look_is_no_answer(opened, script, monkeypatch):
    """The simulator never refuses to tell; a broken key would."""
    payment = hold(opened, script)

    class Provider:
        def capture(self, **_):
            raise ProviderRejected("state", "Refused.")

        def fetch_state(self, **_):
            raise self.error

    provider = Provider()
    monkeypatch.undo()
    monkeypatch.setattr(asking, "provider_for", lambda *_: provider)
    payments.request_capture(payment_id=payment.pk, amount_minor=900, at=AT)
    attempt = PaymentAttempt.objects.get(kind="capture")

    provider.error = ProviderUnavailable("?")
    assert attempts.perform_attempt(attempt.pk, at=AT) > 0
    provider.error = ProviderRejected("authentication_failed", "Wrong key.")
    assert attempts.perform_attempt(attempt.pk, at=later(hours=1)) is None

    attempt.refresh_from_db()
    assert (attempt.state, attempt.error_code) == ("failed", "state")
    assert PaymentAttempt.objects.filter(kind="capture").count() == 2


def test_events_name_the_order_and_hold_no_floats(opened, script):
    payment = captured(opened, script)

    for row in EventRecord.objects.filter(key=payment.order_number):
        assert row.payload["order_number"] == payment.order_number
        assert row.operator_id == payment.operator_id
        assert not any(isinstance(value, float) for value in row.payload.values())


def test_a_late_look_at_the_clock_is_harmless(opened, script):
    """An attempt that is not due yet says how long to wait."""
    opened()
    attempt = PaymentAttempt.objects.get()
    PaymentAttempt.objects.update(next_try_at=later(seconds=40))

    assert attempts.perform_attempt(attempt.pk, at=later(seconds=10)) == 30
    assert not script.asked
    assert timezone.now() > AT
