from datetime import timedelta
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest
from django.utils import timezone

from cpms.kernel.ids import new_order_number
from settlement.models import Checkout, Payment, PaymentAttempt, Receivable, SetupPage
from settlement.providers.registry import get_provider
from settlement.services import (
    attempts,
    holds,
    method_pages,
    methods,
    payees,
    payments,
    receivables,
    splits,
    webhooks,
)
from tests.integration.settlement.shop import settle, told, topics
from tests.integration.settlement.world import PARTIES
from tests.outbox import drain

pytestmark = pytest.mark.integration
WANTED = payments.CheckoutWanted(
    success_url="https://cpms.example/o/1?s={CHECKOUT_SESSION_ID}",
    cancel_url="https://cpms.example/o/1",
    locale="de",
    email="guest@example.org",
)
BLOCKED = {"charges_enabled": False}
GOOD, ASKS, POOR = "4242 4242 4242 4242", "4000000000003220", "4000000000009995"


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_args, **_named):
        return None


def browse(url, **form):
    """Open a hosted page as a browser does; returns status, text and location."""
    body = urlencode(form).encode() if form else None
    try:
        with build_opener(_Stay).open(Request(url, body), timeout=30) as answer:
            return answer.status, answer.read().decode(), ""
    except HTTPError as error:
        return error.code, error.read().decode(), error.headers.get("location", "")


def guest_payment(shop, **values):
    at = timezone.now()
    number = new_order_number()
    view = payments.open_payment(
        operator_id=shop.operator.pk,
        order_number=number,
        currency="EUR",
        hold_minor=5000,
        driver_id=None,
        payment_method_id=None,
        payee=payees.snapshot(operator_id=shop.operator.pk, currency="EUR", at=at),
        split=splits.SplitSnapshot(None, PARTIES),
        off_session=False,
        at=at,
        checkout=WANTED,
        **values,
    )
    return shop.payment(view)


def opened(shop):
    payment = guest_payment(shop)
    drain()
    payment.refresh_from_db()
    return payment


def look(payment):
    holds.refresh(payment_id=payment.pk, at=timezone.now())
    drain()
    payment.refresh_from_db()
    return payment


def test_a_guest_is_asked_on_the_operators_own_page(shop):
    payment = opened(shop)
    assert payment.state == "REQUIRES_ACTION"
    assert told(payment.order_number) == [
        (
            "PaymentActionRequired",
            {
                "payment_id": payment.pk,
                "order_number": payment.order_number,
                "currency": "EUR",
                "url": payment.action_url,
            },
        )
    ]
    assert f"/{shop.account.reference}/" in payment.action_url
    status, page, _ = browse(payment.action_url)
    assert status == 200
    assert "50.00 EUR" in page
    assert "Laden eines Elektrofahrzeugs" in page
    assert "Kartennummer" in page


def test_paying_on_the_page_makes_the_hold_and_the_charge_is_captured(shop):
    payment = opened(shop)
    status, _, back = browse(payment.action_url, card_number=GOOD)
    assert status == 303
    assert back.startswith("https://cpms.example/o/1?s=cs_")
    assert look(payment).state == "AUTHORIZED"
    assert topics(payment.order_number)[-1] == "PaymentAuthorized"
    assert Checkout.objects.get(payment=payment).state == "complete"
    captured = shop.capture(payment, 1234)
    assert (captured.state, captured.captured_minor) == ("CAPTURED", 1234)
    assert captured.application_fee_minor == 123


def test_the_return_to_us_proves_nothing(shop):
    payment = opened(shop)
    assert look(payment).state == "REQUIRES_ACTION"
    assert topics(payment.order_number) == ["PaymentActionRequired"]


def test_a_declined_card_leaves_the_page_open_for_another(shop):
    payment = opened(shop)
    status, page, _ = browse(payment.action_url, card_number=POOR)
    assert status == 402
    assert "insufficient funds" in page
    assert look(payment).state == "REQUIRES_ACTION"
    webhooks.poll(payee_account_id=shop.account.pk, at=timezone.now())
    drain()
    payment.refresh_from_db()
    assert payment.state == "REQUIRES_ACTION"
    assert browse(payment.action_url, card_number=GOOD)[0] == 303
    assert look(payment).state == "AUTHORIZED"


@pytest.mark.parametrize("answer", ["succeed", "fail"])
def test_the_bank_may_ask_the_guest(shop, answer):
    payment = opened(shop)
    _, _, bank = browse(payment.action_url, card_number=ASKS)
    assert "/hosted/3ds/" in bank
    assert look(payment).state == "REQUIRES_ACTION"
    status, _, back = browse(bank, outcome=answer)
    assert status == 303
    if answer == "succeed":
        assert back.startswith("https://cpms.example/")
        assert look(payment).state == "AUTHORIZED"
    else:
        assert back == payment.action_url
        assert look(payment).state == "REQUIRES_ACTION"


def test_events_alone_complete_it_in_any_order(shop):
    payment = opened(shop)
    browse(payment.action_url, card_number=GOOD)
    webhooks.poll(payee_account_id=shop.account.pk, at=timezone.now())
    drain()
    payment.refresh_from_db()
    assert payment.state == "AUTHORIZED"
    assert topics(payment.order_number).count("PaymentAuthorized") == 1


def test_a_page_that_nobody_uses_declines(shop):
    payment = opened(shop)
    page = Checkout.objects.get(payment=payment)
    expire(shop, page)
    assert look(payment).state == "DECLINED"
    assert payment.decline_code == "checkout_expired"
    assert topics(payment.order_number)[-1] == "PaymentDeclined"


def expire(shop, page):
    get_provider("stripe").expire_checkout(
        account=shop.account.reference,
        checkout_ref=page.reference,
        idempotency_key=f"test-{page.reference}",
    )


def test_a_release_closes_the_page(shop):
    payment = opened(shop)
    payments.request_release(
        payment_id=payment.pk, reason="start timeout", at=timezone.now()
    )
    drain()
    payment.refresh_from_db()
    assert payment.state == "RELEASED"
    assert topics(payment.order_number)[-1] == "PaymentReleased"
    assert browse(payment.action_url, card_number=GOOD)[0] == 410


def test_a_page_that_was_paid_while_it_was_released_gives_the_hold_back(shop):
    payment = opened(shop)
    browse(payment.action_url, card_number=GOOD)
    payments.request_release(
        payment_id=payment.pk, reason="start timeout", at=timezone.now()
    )
    drain()
    payment.refresh_from_db()
    assert payment.state == "RELEASED"
    assert shop.intent(payment).state == "cancelled"


def test_a_hold_that_comes_after_the_end_is_cancelled(shop):
    payment = opened(shop)
    browse(payment.action_url, card_number=GOOD)
    Payment.objects.filter(pk=payment.pk).update(state="RELEASED")
    webhooks.poll(payee_account_id=shop.account.pk, at=timezone.now())
    drain()
    payment.refresh_from_db()
    assert payment.state == "RELEASED"
    assert shop.intent(payment).state == "cancelled"


@pytest.mark.parametrize("kind", ["lost_answer", "refuse"])
def test_a_lost_answer_opens_no_second_page(shop, kind):
    shop.psp.fault(kind, path="/v1/checkout/sessions", times=1)
    payment = guest_payment(shop)
    drain()
    settle()
    payment.refresh_from_db()
    assert payment.state == "REQUIRES_ACTION"
    provider = get_provider("stripe")
    opened_there = [
        event
        for event in provider.list_events(
            account=shop.account.reference, after=None, limit=100
        )
        if event.object_type == "checkout.session"
    ]
    assert opened_there == []
    assert PaymentAttempt.objects.get(payment=payment).tries > 1
    sessions = shop.psp.request("GET", "/_sim/calls?path=/v1/checkout/sessions", None)[
        "calls"
    ]
    asked = [call for call in sessions if payment.order_number in str(call)]
    assert {call["idempotency_key"] for call in asked} == {
        f"{payment.order_number}-1-checkout-1"
    }


def test_a_blocked_account_declines_before_any_page(shop):
    payment = guest_payment(shop)
    shop.psp.control(f"accounts/{shop.account.reference}", BLOCKED)
    drain()
    payment.refresh_from_db()
    assert payment.state == "DECLINED"


def test_opening_again_changes_nothing(shop):
    payment = guest_payment(shop)
    assert Checkout.objects.filter(payment=payment).count() == 1
    attempt = PaymentAttempt.objects.get(payment=payment)
    assert attempt.idempotency_key == f"{payment.order_number}-1-checkout-1"
    attempts.perform_attempt(attempt.pk, at=timezone.now())
    attempts.perform_attempt(attempt.pk, at=timezone.now())
    assert topics(payment.order_number) == ["PaymentActionRequired"]


def test_waiting_pages_are_looked_at_in_turn(shop):
    one, two = opened(shop), opened(shop)
    later = timezone.now() + timedelta(minutes=1)
    mine = [pk for pk in holds.to_look_at(at=later) if pk in {one.pk, two.pk}]
    assert mine == [one.pk, two.pk]
    holds.refresh(payment_id=one.pk, at=later)
    mine = [pk for pk in holds.to_look_at(at=later) if pk in {one.pk, two.pk}]
    assert mine == [two.pk, one.pk]


def debt_of(shop):
    at = timezone.now()
    payments.book_receivable(
        operator_id=shop.operator.pk,
        order_number=new_order_number(),
        currency="EUR",
        amount_minor=1000,
        driver_id=None,
        payee=payees.snapshot(operator_id=shop.operator.pk, currency="EUR", at=at),
        split=splits.SplitSnapshot(None, PARTIES),
        at=at,
    )
    return Receivable.objects.latest("pk")


def test_a_debt_is_paid_at_once_on_a_page_of_the_operators_account(shop):
    debt = debt_of(shop)
    asked = receivables.pay_link(
        receivable_id=debt.pk, checkout=WANTED, at=timezone.now()
    )
    drain()
    again = receivables.pay_link(
        receivable_id=debt.pk, checkout=WANTED, at=timezone.now()
    )
    assert again.id == asked.id
    assert again.action_url
    ready = [p for topic, p in told(debt.order_number) if topic == "PayLinkReady"]
    assert [one["url"] for one in ready] == [again.action_url]
    assert browse(again.action_url, card_number=GOOD)[0] == 303
    paid = look(shop.payment(again))
    debt.refresh_from_db()
    assert (paid.state, paid.captured_minor, debt.state) == ("CAPTURED", 1000, "paid")
    assert paid.application_fee_minor == 100
    assert topics(debt.order_number)[-1] == "ReceivablePaid"


def test_a_pay_link_that_ran_out_is_replaced(shop):
    debt = debt_of(shop)
    first = receivables.pay_link(
        receivable_id=debt.pk, checkout=WANTED, at=timezone.now()
    )
    drain()
    expire(shop, Checkout.objects.get(payment_id=first.id))
    look(shop.payment(first))
    second = receivables.pay_link(
        receivable_id=debt.pk, checkout=WANTED, at=timezone.now()
    )
    assert second.id != first.id


def setup_page(shop):
    return method_pages.begin(
        driver_id=shop.driver.pk,
        provider="stripe",
        currency="EUR",
        success_url="https://cpms.example/cards",
        cancel_url="https://cpms.example/cards",
        locale="zh-hans",
        at=timezone.now(),
    )


def test_a_driver_saves_a_card_on_the_providers_page(shop):
    page = setup_page(shop)
    status, text, _ = browse(page.url)
    assert status == 200
    assert "保存银行卡" in text
    driver = shop.driver.pk
    at = timezone.now()
    assert method_pages.finish(driver_id=driver, page_id=page.id, at=at) is None
    assert browse(page.url, card_number="5555555555554444")[0] == 303
    saved = method_pages.finish(driver_id=driver, page_id=page.id, at=at)
    assert (saved.brand, saved.last4, saved.is_default) == ("mastercard", "4444", True)
    assert methods.default_for(driver).id == saved.id
    again = method_pages.finish(driver_id=driver, page_id=page.id, at=at)
    assert again.id == saved.id
    shop.method = saved
    assert shop.hold().state == "AUTHORIZED"


def test_a_setup_page_is_followed_without_the_driver(shop):
    page = setup_page(shop)
    browse(page.url, card_number=GOOD)
    method_pages.look(page_id=page.id, at=timezone.now())
    row = SetupPage.objects.get(pk=page.id)
    assert row.state == "complete"
    assert method_pages.follow(
        provider="stripe", reference=row.reference, at=timezone.now()
    )
    assert not method_pages.follow(
        provider="stripe", reference="cs_unknown", at=timezone.now()
    )


def test_a_setup_page_of_another_driver_gives_nothing(shop):
    page = setup_page(shop)
    browse(page.url, card_number=GOOD)
    at = timezone.now()
    assert method_pages.finish(driver_id=0, page_id=page.id, at=at) is None
