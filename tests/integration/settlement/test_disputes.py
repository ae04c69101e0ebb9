from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from cpms.outbox.models import EventRecord
from settlement.models import (
    Dispute,
    LedgerEntry,
    ReconciliationDifference,
    Refund,
)
from settlement.providers.base import ProviderRefund
from settlement.services import (
    disputes,
    outcomes,
    payments,
    reconciliation,
    refund_looks,
    resolving,
    verification,
    webhooks,
)
from tests.integration.settlement.shop import told, topics
from tests.integration.settlement.test_reconciliation import balance, clearing
from tests.outbox import drain

pytestmark = pytest.mark.integration
FACTS = disputes.EvidenceFacts(
    place="Market square 1",
    started_at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    ended_at=datetime(2026, 3, 1, 13, 0, tzinfo=UTC),
    energy_wh=12_345,
    meter=("12:30 6.000 kWh", "13:00 12.345 kWh"),
    receipt_number="R-1",
    receipt_text="Energy 12.345 kWh",
    payer_email="driver@example.org",
    authorisation="by the driver's app",
    refund_policy="",
)


@pytest.fixture
def disputed(shop, psp):
    payment = shop.captured(1000)
    psp.control("disputes", {"payment_intent": payment.provider_ref})
    hear(shop)
    return Dispute.objects.get()


def hear(shop):
    webhooks.poll(payee_account_id=shop.account.pk, at=timezone.now())
    drain()


def test_a_dispute_says_how_much_why_and_until_when(disputed):
    assert (disputed.amount_minor, disputed.currency) == (1000, "EUR")
    assert disputed.reason
    assert disputed.due_at > timezone.now()
    payload = dict(told(disputed.payment.order_number))["PaymentDisputed"]
    assert payload["dispute_id"] == disputed.pk
    assert payload["due_at"] == disputed.due_at.isoformat()


def test_evidence_is_gathered_sent_once_and_waits_for_the_bank(disputed, psp):
    at = timezone.now()
    with pytest.raises(disputes.UnableToAnswerDispute) as refused:
        disputes.submit(dispute_id=disputed.pk, by="finance", at=at)
    assert refused.value.code == "no_evidence"
    pack = disputes.assemble(dispute_id=disputed.pk, facts=FACTS)
    assert "12.345 kWh" in pack["product_description"]
    disputes.submit(dispute_id=disputed.pk, by="finance", at=at)
    disputes.submit(dispute_id=disputed.pk, by="finance", at=at)
    drain()
    disputed.refresh_from_db()
    assert (disputed.state, disputed.submitted_by) == ("submitted", "finance")
    sent = [
        call
        for call in psp.calls(f"/v1/disputes/{disputed.provider_ref}")
        if call["method"] == "POST"
    ]
    assert len(sent) == 1
    assert "2026-03-01" in str(sent[0]["params"])
    with pytest.raises(disputes.UnableToAnswerDispute):
        disputes.assemble(dispute_id=disputed.pk, facts=FACTS)


def test_a_lost_answer_to_evidence_is_asked_again(disputed, psp):
    disputes.assemble(dispute_id=disputed.pk, facts=FACTS)
    disputes.submit(dispute_id=disputed.pk, by="finance", at=timezone.now())
    psp.fault("lost_answer", path=f"/v1/disputes/{disputed.provider_ref}", times=1)
    drain()
    EventRecord.objects.filter(topic="DisputeEvidenceQueued")
    disputes.send(dispute_id=disputed.pk, at=timezone.now())
    disputed.refresh_from_db()
    assert disputed.state == "submitted"


@pytest.mark.parametrize(
    ("state", "payment_state", "cost"),
    [("won", "CAPTURED", 0), ("lost", "DISPUTED", 1000)],
)
def test_the_bank_decides(shop, disputed, state, payment_state, cost):
    shop.psp.control(f"disputes/{disputed.provider_ref}", {"outcome": state})
    hear(shop)
    disputed.refresh_from_db()
    payment = shop.payment(disputed.payment)
    assert (disputed.state, payment.state) == (state, payment_state)
    assert topics(payment.order_number)[-1] == "DisputeClosed"
    reconciliation.reconcile(payee_account_id=shop.account.pk, at=timezone.now())
    assert balance(shop, "disputes") == cost
    assert clearing(shop) == shop.books()["balance_minor"]
    assert verification.prove().ok


def test_operators_are_warned_once_before_time_runs_out(disputed):
    at = timezone.now()
    assert disputes.warn_due(at=at) == 0
    soon = disputed.due_at - timedelta(days=1)
    assert disputes.warn_due(at=soon) == 1
    assert disputes.warn_due(at=soon) == 0
    assert topics(disputed.payment.order_number)[-1] == "DisputeDueSoon"


@pytest.mark.parametrize(
    ("answer", "state"), [("succeeded", "REFUNDED"), ("failed", "CAPTURED")]
)
def test_a_refund_on_its_way_does_not_count(shop, monkeypatch, answer, state):
    payment = shop.captured(1000)
    real = outcomes.record

    def first_pending(row, attempt, found, *, at):
        if isinstance(found, ProviderRefund):
            found = ProviderRefund(
                ref=found.ref,
                state="pending",
                amount_minor=found.amount_minor,
                currency=found.currency,
                payment_ref=found.payment_ref,
                charge_ref=found.charge_ref,
            )
        return real(row, attempt, found, at=at)

    monkeypatch.setattr(outcomes, "record", first_pending)
    asked = shop.refund(payment)
    refund = Refund.objects.get(pk=asked.id)
    assert (refund.state, shop.payment(payment).state) == ("pending", "CAPTURED")
    assert balance(shop, "refunds") == 0
    with pytest.raises(payments.UnableToRefund):
        shop.refund(payment, 1, key="other")
    if answer == "failed":
        monkeypatch.setattr(refund_looks, "provider_for", lambda *_: _Failing())
    else:
        hear(shop)
    refund_looks.look(refund_id=refund.pk, at=timezone.now())
    refund.refresh_from_db()
    assert (refund.state, shop.payment(payment).state) == (answer, state)
    assert balance(shop, "refunds") == (1000 if answer == "succeeded" else 0)
    assert not refund_looks.look(refund_id=refund.pk, at=timezone.now())


class _Failing:
    """A provider whose bank did not take a refund back."""

    @staticmethod
    def fetch_refund(*, account, refund_ref):
        del account
        return ProviderRefund(
            ref=refund_ref,
            state="failed",
            amount_minor=1000,
            currency="EUR",
            payment_ref=None,
            charge_ref=None,
        )


def test_waiting_refunds_are_looked_at_after_a_while(shop):
    payment = shop.captured(1000)
    asked = shop.refund(payment)
    Refund.objects.filter(pk=asked.id).update(state="pending")
    at = timezone.now()
    assert refund_looks.to_look_at(at=at) == []
    assert refund_looks.to_look_at(at=at + timedelta(minutes=11)) == [asked.id]


RESOLUTIONS = [
    ("foreign_capture", "session_revenue"),
    ("provider_fee", "provider_fees"),
    ("foreign_refund", "refunds"),
    ("transfer_to_bank", "bank"),
    ("written_off", "bad_debts"),
    ("other", "provider_other"),
]


@pytest.mark.parametrize(("resolution", "account"), RESOLUTIONS)
def test_what_is_missing_here_is_posted_by_somebody(shop, psp, resolution, account):
    payment = shop.captured(1000)
    psp.control("disputes", {"payment_intent": payment.provider_ref})
    reconciliation.reconcile(payee_account_id=shop.account.pk, at=timezone.now())
    work = ReconciliationDifference.objects.get(kind="missing_here")
    before = balance(shop, account)
    resolving.resolve_by_hand(
        difference_id=work.pk,
        by="clerk@example.org",
        at=timezone.now(),
        resolution=resolution,
        note="the provider's letter of today",
    )
    work.refresh_from_db()
    assert (work.resolved_as, work.resolved_by) == (resolution, "clerk@example.org")
    assert work.resolution == "the provider's letter of today"
    assert LedgerEntry.objects.get(pk=work.entry_id).source == "difference.resolved"
    assert clearing(shop) == shop.books()["balance_minor"]
    assert balance(shop, account) > before
    assert verification.prove().ok
    with pytest.raises(resolving.UnableToResolve):
        resolving.resolve_by_hand(
            difference_id=work.pk, by="x", at=timezone.now(), resolution=resolution
        )


def test_agreed_is_no_decision(shop, psp):
    payment = shop.captured(1000)
    psp.control("disputes", {"payment_intent": payment.provider_ref})
    reconciliation.reconcile(payee_account_id=shop.account.pk, at=timezone.now())
    work = ReconciliationDifference.objects.get(kind="missing_here")
    for wrong in ("agreed", "nothing"):
        with pytest.raises(resolving.UnableToResolve) as refused:
            resolving.resolve_by_hand(
                difference_id=work.pk, by="x", at=timezone.now(), resolution=wrong
            )
        assert refused.value.code == "unknown_resolution"
