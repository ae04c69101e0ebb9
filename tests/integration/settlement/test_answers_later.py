"""Answers that come late, otherwise or never; no provider is asked."""

from django.utils import timezone

from cpms.outbox.models import EventRecord
from settlement.models import LedgerEntry, Payment, PaymentAttempt
from settlement.providers.base import ProviderRejected, ProviderUnavailable
from settlement.services import asking, attempts, holds, payments, reconciliation
from settlement.services.asking import Unanswered
from tests.integration.settlement.script import (
    account,
    captured,
    hold,
    known,
    line,
    opened,
    script,
)
from tests.integration.settlement.shop import proved
from tests.integration.settlement.world import AT, later

__all__ = ["account", "opened", "script"]


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
