"""Money that arrives on a payment which we gave up: never lost, never kept twice."""

from datetime import timedelta

import pytest
from django.utils import timezone

from settlement.models import Checkout, Payment, PaymentAttempt, Receivable, Refund
from settlement.providers.registry import get_provider
from settlement.services import (
    captures,
    holds,
    late_money,
    outcomes,
    receivables,
    webhooks,
)
from settlement.services.moves import locked
from tests.integration.settlement.shop import proved, settle, topics
from tests.integration.settlement.test_checkouts import (
    GOOD,
    WANTED,
    browse,
    debt_of,
    look,
)
from tests.outbox import drain

pytestmark = pytest.mark.integration


def linked(shop, debt):
    """An open page for a debt."""
    asked = receivables.pay_link(
        receivable_id=debt.pk, checkout=WANTED, at=timezone.now()
    )
    drain()
    return shop.payment(asked)


def pay(shop, link):
    """The payer pays; the provider's webhooks reach nobody."""
    url = link.action_url or Checkout.objects.get(payment=link).url
    assert browse(url, card_number=GOOD)[0] == 303


def give_up(link):
    """What a page that ran out does to its payment."""
    captures.declined(
        locked(link.pk), code="checkout_expired", message="", at=timezone.now()
    )
    link.refresh_from_db()


def of_order(debt):
    return list(
        Payment.objects.filter(order_number=debt.order_number).order_by("sequence")
    )


def polled(shop):
    """The poller finds what no webhook told."""
    webhooks.poll(payee_account_id=shop.account.pk, at=timezone.now())
    drain()
    settle()


@pytest.mark.parametrize("way", ["poller", "look"])
def test_a_page_paid_while_it_was_given_up_pays_its_debt(shop, way):
    debt = debt_of(shop)
    link = linked(shop, debt)
    pay(shop, link)
    give_up(link)
    if way == "poller":
        polled(shop)
    else:
        look(link)

    debt.refresh_from_db()
    link.refresh_from_db()
    owing, given_up, late = of_order(debt)
    assert (debt.state, owing.state) == ("paid", "CAPTURED")
    assert (given_up.state, given_up.captured_minor) == ("DECLINED", 0)
    assert (late.state, late.captured_minor, late.unowed_reason) == (
        "CAPTURED",
        1000,
        "",
    )
    assert topics(debt.order_number)[-1] == "ReceivablePaid"
    assert Refund.objects.filter(payment=late).count() == 0
    proved()


def test_told_again_in_any_order_it_is_booked_once(shop):
    debt = debt_of(shop)
    link = linked(shop, debt)
    pay(shop, link)
    known = get_provider("stripe").fetch_checkout(
        account=link.account_reference,
        checkout_ref=Checkout.objects.get(payment=link).reference,
    )
    give_up(link)
    for _ in range(3):
        outcomes.apply(
            locked(link.pk), known.payment, cause="late event", at=timezone.now()
        )
    polled(shop)
    look(link)
    assert [row.captured_minor for row in of_order(debt)] == [0, 0, 1000]
    proved()


def test_the_second_page_of_a_paid_debt_gives_its_money_back(shop):
    debt = debt_of(shop)
    first = linked(shop, debt)
    give_up(first)
    second = linked(shop, debt)
    pay(shop, second)
    look(second)
    debt.refresh_from_db()
    assert debt.state == "paid"

    pay(shop, first)
    polled(shop)

    late = of_order(debt)[-1]
    assert (late.state, late.captured_minor, late.refunded_minor) == (
        "REFUNDED",
        1000,
        1000,
    )
    assert late.unowed_reason == "the debt is paid already"
    refund = Refund.objects.get(payment=late)
    assert (refund.state, refund.refund_application_fee) == ("succeeded", True)
    assert refund.reason == "not owed: the debt is paid already"
    assert late.application_fee_refunded_minor == late.application_fee_minor
    told = topics(debt.order_number)
    assert told.count("ReceivablePaid") == 1
    assert "PaymentRefunded" not in told
    proved()


def test_late_money_closes_the_page_that_is_open_now(shop):
    debt = debt_of(shop)
    first = linked(shop, debt)
    give_up(first)
    second = linked(shop, debt)
    pay(shop, first)
    polled(shop)

    debt.refresh_from_db()
    second.refresh_from_db()
    assert debt.state == "paid"
    assert second.state == "RELEASED"
    assert Checkout.objects.get(payment=second).state == "expired"
    assert Receivable.objects.filter(order_number=debt.order_number).count() == 1
    proved()


def test_both_pages_paid_at_once_one_pays_and_one_goes_back(shop):
    debt = debt_of(shop)
    first = linked(shop, debt)
    give_up(first)
    second = linked(shop, debt)
    pay(shop, first)
    pay(shop, second)
    polled(shop)
    look(second)
    settle()

    debt.refresh_from_db()
    rows = [row for row in of_order(debt) if row.captured_minor]
    assert debt.state == "paid"
    assert sorted(row.refunded_minor for row in rows) == [0, 1000]
    proved()


def test_a_written_off_debt_takes_no_money(shop):
    debt = debt_of(shop)
    link = linked(shop, debt)
    pay(shop, link)
    give_up(link)
    receivables.write_off(receivable_id=debt.pk, by="owner", at=timezone.now())
    polled(shop)
    late = of_order(debt)[-1]
    assert (late.state, late.unowed_reason) == (
        "REFUNDED",
        "the debt is written off already",
    )
    proved()


def captured_elsewhere(shop, payment):
    """Somebody captures a hold in the provider's own pages."""
    get_provider("stripe").capture(
        account=payment.account_reference,
        payment_ref=payment.provider_ref,
        amount_minor=700,
        application_fee_minor=0,
        idempotency_key=f"elsewhere-{payment.pk}",
    )


def test_a_hold_we_gave_up_and_somebody_captured_goes_back(shop):
    payment = shop.hold()
    captured_elsewhere(shop, payment)
    captures.released(locked(payment.pk), reason="not started", at=timezone.now())
    before = topics(payment.order_number)
    polled(shop)

    payment.refresh_from_db()
    late = Payment.objects.get(order_number=payment.order_number, sequence=2)
    assert (payment.state, payment.provider_ref) == ("RELEASED", "")
    assert (late.state, late.captured_minor) == ("REFUNDED", 700)
    assert late.unowed_reason == "the payment was released and nothing is owed"
    assert topics(payment.order_number) == before
    assert shop.books()["refunded_minor"] == 700
    proved()


def test_another_amount_than_is_owed_goes_back_and_the_debt_stands(shop):
    payment = shop.hold()
    captured_elsewhere(shop, payment)
    row = locked(payment.pk)
    row.due_minor = 900
    captures.released(row, reason="the hold is gone", at=timezone.now())
    polled(shop)
    debt = Receivable.objects.get(order_number=payment.order_number)
    late = Payment.objects.get(order_number=payment.order_number, sequence=2)
    assert debt.state == "open"
    assert late.state == "REFUNDED"
    assert late.unowed_reason == "900 EUR is owed, 700 EUR came"
    proved()


def test_the_amount_that_is_owed_pays_the_orders_own_debt(shop):
    payment = shop.hold()
    captured_elsewhere(shop, payment)
    row = locked(payment.pk)
    row.due_minor = 700
    captures.released(row, reason="the hold is gone", at=timezone.now())
    polled(shop)
    debt = Receivable.objects.get(order_number=payment.order_number)
    payment.refresh_from_db()
    assert (debt.state, payment.state) == ("paid", "CAPTURED")
    proved()


def test_a_refund_that_fails_is_asked_for_again_and_not_for_ever(shop, psp):
    payment = shop.hold()
    captured_elsewhere(shop, payment)
    captures.released(locked(payment.pk), reason="not started", at=timezone.now())
    psp.fault("error_stored", path="/v1/refunds", status=400, times=1)
    polled(shop)
    late = Payment.objects.get(order_number=payment.order_number, sequence=2)
    assert late.state == "CAPTURED"
    assert late_money.sweep(at=timezone.now()) == 0
    tomorrow = timezone.now() + timedelta(days=1, minutes=1)
    assert late_money.sweep(at=tomorrow) == 1
    PaymentAttempt.objects.filter(payment=late).update(next_try_at=timezone.now())
    drain()
    late.refresh_from_db()
    assert late.state == "REFUNDED"
    assert late_money.sweep(at=tomorrow + timedelta(days=2)) == 0
    proved()


def test_refunds_that_always_fail_are_left_to_people(shop, psp):
    payment = shop.hold()
    captured_elsewhere(shop, payment)
    captures.released(locked(payment.pk), reason="not started", at=timezone.now())
    psp.fault("error_stored", path="/v1/refunds", status=400, times=0)
    polled(shop)
    at = timezone.now()
    asked = []
    for _ in range(late_money.GIVE_BACK_MAX + 2):
        at += timedelta(days=1, minutes=1)
        asked.append(late_money.sweep(at=at))
        PaymentAttempt.objects.update(next_try_at=timezone.now())
        drain()
    assert sum(asked) == late_money.GIVE_BACK_MAX - 1
    late = Payment.objects.get(order_number=payment.order_number, sequence=2)
    assert late.state == "CAPTURED"
    proved()


def test_money_refunded_at_the_provider_before_we_knew_is_not_refunded_twice(shop):
    payment = shop.hold()
    captured_elsewhere(shop, payment)
    get_provider("stripe").refund(
        account=payment.account_reference,
        payment_ref=payment.provider_ref,
        amount_minor=700,
        refund_application_fee=False,
        idempotency_key=f"back-{payment.pk}",
    )
    captures.released(locked(payment.pk), reason="not started", at=timezone.now())
    holds.refresh(payment_id=payment.pk, at=timezone.now())
    drain()
    late = Payment.objects.get(order_number=payment.order_number, sequence=2)
    assert late.state == "REFUNDED"
    assert [r.source for r in Refund.objects.filter(payment=late)] == ["provider"]
    proved()
