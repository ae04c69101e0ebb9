from datetime import timedelta

import pytest
from django.db.models import Sum
from django.utils import timezone

from settlement.models import (
    Dispute,
    LedgerLine,
    Payment,
    ProviderTransaction,
    ReconciliationDifference,
)
from settlement.providers.registry import get_provider
from settlement.services import provider_books, reconciliation, webhooks
from tests.integration.settlement.shop import make_shop, proved, use
from tests.outbox import drain
from tests.psp_process import running_psp

pytestmark = pytest.mark.integration


def reconcile(shop, **later):
    return reconciliation.reconcile(
        payee_account_id=shop.account.pk, at=timezone.now() + timedelta(**later)
    )


def balance(shop, code):
    rows = LedgerLine.objects.filter(operator=shop.operator, account__code=code)
    return rows.aggregate(total=Sum("amount_minor"))["total"] or 0


def clearing(shop):
    return balance(shop, f"provider:stripe:{shop.account.reference}")


def differences():
    rows = ReconciliationDifference.objects.order_by("pk")
    return [(d.kind, d.ours_minor, d.theirs_minor) for d in rows]


def provider_proved():
    checks = provider_books.prove(operator_id=None, at=timezone.now())
    return {check.name: check.problems for check in checks if not check.ok}


def test_the_clearing_account_becomes_the_providers_balance(shop):
    first, second = shop.captured(1001), shop.captured(2500)
    shop.refund(first, 300)
    assert clearing(shop) != shop.books()["balance_minor"]

    assert reconcile(shop) == 3

    books = shop.books()
    assert clearing(shop) == books["balance_minor"]
    assert balance(shop, "provider_fees") == books["provider_fee_minor"] > 0
    assert differences() == []
    matched = ProviderTransaction.objects.filter(matched_at__isnull=False)
    assert set(matched.values_list("payment_id", flat=True)) == {first.pk, second.pk}
    proved()


def test_running_again_finds_nothing_new(shop):
    shop.captured(1001)
    assert reconcile(shop) == 1
    before = LedgerLine.objects.count()

    assert reconcile(shop) == 0
    assert LedgerLine.objects.count() == before


def test_a_payout_leaves_the_clearing_account_for_the_bank(shop, psp, monkeypatch):
    psp.control("settings", {"available_after_s": 0})
    try:
        shop.captured(1001)
        psp.control("payouts", {"account": shop.account.reference})
    finally:
        psp.control("settings", {"available_after_s": 172_800})

    reconcile(shop)

    assert clearing(shop) == shop.books()["balance_minor"] == 0
    assert balance(shop, "bank") == shop.books()["paid_out_minor"] > 0
    proved()


def test_a_dispute_is_posted_when_it_is_known_and_goes_back_when_won(shop, psp):
    payment = shop.captured(1000)
    dispute = psp.control("disputes", {"payment_intent": payment.provider_ref})
    reconcile(shop)
    assert differences() == [("missing_here", None, -1000)]

    webhooks.poll(payee_account_id=shop.account.pk, at=timezone.now())
    drain()
    reconcile(shop)
    assert balance(shop, "disputes") == 1000
    assert clearing(shop) == shop.books()["balance_minor"]
    open_ones = ReconciliationDifference.objects.filter(resolved_at__isnull=True)
    assert not open_ones.exists()

    psp.control(f"disputes/{dispute['id']}", {"outcome": "won"})
    reconcile(shop)
    assert balance(shop, "disputes") == 0
    assert Dispute.objects.get().state == "won"
    assert shop.payment(payment).state == "CAPTURED"
    assert clearing(shop) == shop.books()["balance_minor"]
    proved()


@pytest.mark.parametrize(("refund", "state"), [(400, "PARTLY_REFUNDED")])
def test_a_won_dispute_gives_the_state_before_it_back(shop, psp, refund, state):
    payment = shop.captured(1000)
    shop.refund(payment, refund)
    dispute = psp.control(
        "disputes", {"payment_intent": payment.provider_ref, "amount": 600}
    )
    webhooks.poll(payee_account_id=shop.account.pk, at=timezone.now())
    drain()
    assert shop.payment(payment).state == "DISPUTED"
    psp.control(f"disputes/{dispute['id']}", {"outcome": "won"})

    reconcile(shop)

    assert shop.payment(payment).state == state


def test_money_that_we_know_nothing_of_is_a_difference_until_explained(shop):
    provider = get_provider("stripe")
    payment = shop.captured(1000)
    charge = Payment.objects.get(pk=payment.pk).charge_ref
    Payment.objects.update(charge_ref="ch_lost")

    reconcile(shop)
    assert differences() == [("missing_here", None, 1000)]
    assert "reconciliation differences" in provider_proved()

    Payment.objects.update(charge_ref=charge)
    reconcile(shop)
    difference = ReconciliationDifference.objects.get()
    assert difference.resolution == "both sides agree"
    assert provider_proved() == {}
    assert provider.name == "stripe"


def test_other_amounts_are_shown(shop):
    shop.captured(1000)
    Payment.objects.update(captured_minor=990, application_fee_minor=90)

    reconcile(shop)

    assert differences() == [("amount_differs", 990, 1000), ("fee_differs", 90, 100)]


def test_a_capture_that_the_provider_does_not_show_is_missing_there(shop):
    payment = shop.captured(1000)
    charge = payment.charge_ref
    Payment.objects.update(charge_ref="ch_lost")
    reconcile(shop)
    assert "missing_there" not in [kind for kind, *_ in differences()]

    reconcile(shop, days=2)
    reconcile(shop, days=3)
    missing = ReconciliationDifference.objects.get(kind="missing_there")
    assert (missing.ours_minor, missing.order_number) == (1000, payment.order_number)

    Payment.objects.update(charge_ref=charge)
    reconcile(shop, days=4)
    open_ones = ReconciliationDifference.objects.filter(resolved_at__isnull=True)
    assert not open_ones.exists()


def test_a_refund_made_by_hand_is_matched_and_its_fee_compared(shop):
    payment = shop.captured(1000)
    get_provider("stripe").refund(
        account=payment.account_reference,
        payment_ref=payment.provider_ref,
        amount_minor=1000,
        refund_application_fee=True,
        idempotency_key=f"hand-{payment.pk}-{payment.provider_ref}",
    )
    webhooks.poll(payee_account_id=shop.account.pk, at=timezone.now())
    drain()

    reconcile(shop)

    assert shop.payment(payment).state == "REFUNDED"
    assert differences() == [("fee_differs", 0, -100)]


def test_many_lines_are_copied_page_by_page(shop, monkeypatch):
    monkeypatch.setattr(reconciliation, "PAGE", 1)
    monkeypatch.setattr(reconciliation, "MATCH_MAX", 1)
    for _ in range(3):
        shop.captured(1001)

    assert reconcile(shop) == 3
    assert clearing(shop) == shop.books()["balance_minor"]


def test_the_providers_books_prove_ours(shop):
    shop.captured(1001)

    assert provider_proved() == {}


def test_a_changed_book_is_found_by_the_providers(shop, psp):
    shop.captured(1001)
    psp.fault("refuse", path="/v1/balance_transactions", times=1)
    assert list(provider_proved()) == ["providers answer"]

    psp.fault("refuse", path="/v1/events", times=1)
    assert list(provider_proved()) == ["no session money on the platform's account"]

    ProviderTransaction.objects.update(net_minor=5)
    assert "clearing accounts equal the providers' balances" in provider_proved()


def test_session_money_on_the_platforms_account_is_found(db, settings):
    """A payment that somebody makes without naming the payee's account."""
    with running_psp() as psp:
        use(settings, psp)
        make_shop(psp)
        assert provider_proved() == {}
        get_provider("stripe")._api.payment_intents.create(
            {
                "amount": 500,
                "currency": "eur",
                "confirm": True,
                "payment_method": "pm_card_visa",
                "allowed_payment_method_types": ["card"],
            }
        )

        problems = provider_proved()["no session money on the platform's account"]

    assert any("payment_intent" in problem for problem in problems)
