import pytest
from django.utils import timezone

from settlement import queries
from settlement.models import LedgerLine, PaymentAttempt, PaymentMove, Receivable
from settlement.services import payments
from settlement.services.payees import PayeeSnapshot
from settlement.services.payments import (
    UnableToBookReceivable,
    UnableToCapture,
    UnableToOpenPayment,
    UnableToRelease,
)
from settlement.services.splits import SOLE_OPERATOR, SplitSnapshot
from tests.integration.settlement.shop import make_shop, proved, told, topics
from tests.outbox import drain

pytestmark = pytest.mark.integration


def balances(operator_id):
    found = {}
    for line in LedgerLine.objects.filter(operator_id=operator_id).select_related(
        "account"
    ):
        code = line.account.code
        found[code] = found.get(code, 0) + line.amount_minor
    return found


def test_a_charge_is_held_captured_split_and_booked(shop):
    payment = shop.hold()
    assert (payment.state, payment.captured_minor) == ("AUTHORIZED", 0)
    assert payment.capture_before is not None

    payment = shop.capture(payment, 1001)

    assert payment.state == "CAPTURED"
    assert (payment.captured_minor, payment.application_fee_minor) == (1001, 100)
    assert shop.books()["captured_minor"] == 1001
    assert shop.books()["application_fee_minor"] == 100
    lines = queries.split_lines(payment.order_number)
    assert [(x.party, x.amount_minor) for x in lines] == [
        ("operator", 701),
        ("platform", 100),
        ("host", 150),
        ("supplier", 50),
    ]
    clearing = f"provider:stripe:{shop.account.reference}"
    assert balances(shop.operator.pk) == {
        clearing: 901,
        "platform_fees": 100,
        "session_revenue": -1001,
        "split:host": 150,
        "payable:host": -150,
        "split:supplier": 50,
        "payable:supplier": -50,
    }
    assert balances(0) == {
        "provider:stripe:platform": 100,
        "application_fees": -100,
    }
    assert topics(payment.order_number) == ["PaymentAuthorized", "PaymentCaptured"]
    assert told(payment.order_number)[-1][1] == {
        "payment_id": payment.pk,
        "order_number": payment.order_number,
        "currency": "EUR",
        "amount_minor": 1001,
        "application_fee_minor": 100,
        "receivable_minor": 0,
    }
    assert proved().platform_held_minor == 0


def test_every_move_has_an_audit_row_with_its_cause(shop):
    payment = shop.captured()

    moves = PaymentMove.objects.filter(payment=payment).values_list(
        "from_state", "to_state", "cause"
    )
    assert list(moves) == [
        ("", "AUTHORIZING", "hold requested"),
        ("AUTHORIZING", "AUTHORIZED", "authorize answered"),
        ("AUTHORIZED", "CAPTURING", "capture requested"),
        ("CAPTURING", "CAPTURED", "capture answered"),
    ]


def test_opening_twice_is_one_payment_and_one_question(shop):
    first = shop.open(order_number="A" * 20)
    again = shop.open(order_number="A" * 20)

    assert first.id == again.id
    assert PaymentAttempt.objects.count() == 1


def test_an_order_number_belongs_to_one_operator(shop, psp):
    shop.open(order_number="A" * 20)
    stranger = make_shop(psp)

    with pytest.raises(UnableToOpenPayment, match="order_number_taken"):
        stranger.open(order_number="A" * 20)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"hold_minor": 0}, "hold_invalid"),
        ({"hold_minor": -5}, "hold_invalid"),
        ({"currency": "USD"}, "currency_mismatch"),
    ],
)
def test_a_hold_that_makes_no_sense_is_refused(shop, values, code):
    with pytest.raises(UnableToOpenPayment, match=code):
        shop.open(**values)


def test_a_method_of_another_driver_is_no_method(shop, psp):
    stranger = make_shop(psp)
    shop.method = stranger.method

    with pytest.raises(UnableToOpenPayment, match="no_payment_method"):
        shop.open()


def test_a_method_of_another_provider_is_refused(shop):
    payee = PayeeSnapshot(shop.account.pk, "bank", "x", "connected", "EUR")
    with pytest.raises(UnableToOpenPayment, match="payment_method_not_usable"):
        payments.open_payment(
            operator_id=shop.operator.pk,
            order_number="A" * 20,
            currency="EUR",
            hold_minor=100,
            driver_id=shop.driver.pk,
            payment_method_id=shop.method.id,
            payee=payee,
            split=SplitSnapshot(None, SOLE_OPERATOR),
            off_session=True,
            at=timezone.now(),
        )


def test_an_unused_hold_is_released(shop):
    payment = shop.hold()

    for _ in range(2):
        payments.request_release(
            payment_id=payment.pk, reason="nothing drawn", at=timezone.now()
        )
    drain()

    payment = shop.payment(payment)
    assert payment.state == "RELEASED"
    assert shop.intent(payment).state == "cancelled"
    assert topics(payment.order_number) == ["PaymentAuthorized", "PaymentReleased"]
    assert not LedgerLine.objects.exists()


def test_nothing_to_pay_releases_the_hold(shop):
    payment = shop.capture(shop.hold(), 0)

    assert payment.state == "RELEASED"


def test_a_hold_that_was_never_asked_for_is_released_without_asking(shop, psp):
    view = shop.open()
    psp.control("calls", method="DELETE")

    payments.request_release(payment_id=view.id, reason="gone", at=timezone.now())
    assert shop.payment(view).state == "RELEASED"
    drain()

    assert psp.calls("payment_intents") == []
    assert topics(view.order_number) == ["PaymentReleased"]


def test_a_captured_payment_is_not_released(shop):
    payment = shop.captured()

    with pytest.raises(UnableToRelease, match="only a refund"):
        payments.request_release(payment_id=payment.pk, reason="x", at=timezone.now())


def test_a_capture_asked_for_before_the_answer_follows_the_answer(shop):
    view = shop.open()
    payments.request_capture(payment_id=view.id, amount_minor=700, at=timezone.now())

    drain()

    payment = shop.payment(view)
    assert (payment.state, payment.captured_minor) == ("CAPTURED", 700)


def test_asking_twice_for_the_same_capture_is_one_capture(shop):
    payment = shop.captured(1001)

    again = payments.request_capture(
        payment_id=payment.pk, amount_minor=1001, at=timezone.now()
    )
    drain()

    assert again.state == "CAPTURED"
    assert shop.books()["captured_minor"] == 1001
    with pytest.raises(UnableToCapture, match="capture_amount_differs"):
        payments.request_capture(
            payment_id=payment.pk, amount_minor=1002, at=timezone.now()
        )


def test_a_negative_capture_is_refused(shop):
    with pytest.raises(UnableToCapture, match="amount_invalid"):
        shop.capture(shop.hold(), -1)


def test_more_than_the_hold_is_captured_up_to_it_and_the_rest_is_owed(shop):
    payment = shop.captured(1500, hold_minor=1000)

    assert (payment.state, payment.captured_minor) == ("CAPTURED", 1000)
    debt = Receivable.objects.get()
    assert (debt.amount_minor, debt.state) == (500, "open")
    assert told(payment.order_number)[-1][1]["receivable_minor"] == 500
    assert balances(shop.operator.pk)["driver_receivables"] == 500
    assert balances(shop.operator.pk)["session_revenue"] == -1500
    assert queries.open_receivables([shop.operator.pk])[0].amount_minor == 500
    proved()


def test_a_declined_card_is_told_with_its_reason(shop):
    shop.card("insufficient_funds")

    payment = shop.hold()

    assert (payment.state, payment.decline_code) == ("DECLINED", "insufficient_funds")
    topic, payload = told(payment.order_number)[0]
    assert (topic, payload["decline_code"]) == ("PaymentDeclined", "insufficient_funds")
    assert payload["message"]


def test_off_session_authentication_is_a_decline(shop):
    shop.card("authenticate")

    payment = shop.hold()

    assert payment.state == "DECLINED"
    assert payment.decline_code == "authentication_required"


def test_a_charge_without_a_hold_becomes_a_debt(shop):
    shop.card("insufficient_funds")
    payment = shop.hold()

    payment = shop.capture(payment, 640)

    assert payment.state == "RECEIVABLE"
    assert Receivable.objects.get().amount_minor == 640
    assert topics(payment.order_number) == ["PaymentDeclined", "PaymentReceivable"]
    proved()


def test_a_capture_asked_for_before_a_decline_becomes_a_debt(shop):
    shop.card("insufficient_funds")
    view = shop.open()
    payments.request_capture(payment_id=view.id, amount_minor=640, at=timezone.now())

    drain()

    assert shop.payment(view).state == "RECEIVABLE"


def book(shop, order_number="B" * 20, amount_minor=640, **values):
    return payments.book_receivable(
        operator_id=shop.operator.pk,
        order_number=order_number,
        currency="EUR",
        amount_minor=amount_minor,
        driver_id=None,
        payee=values.get("payee"),
        split=values.get("split"),
        at=timezone.now(),
    )


def test_a_charge_without_any_payment_is_booked_as_a_debt_once(shop):
    for _ in range(2):
        view = book(shop)

    assert (view.state, view.receivable_minor) == ("RECEIVABLE", 640)
    assert Receivable.objects.count() == 1
    assert topics("B" * 20) == ["PaymentReceivable"]
    proved()


def test_a_debt_of_anothers_order_number_is_refused(shop, psp):
    book(shop)

    with pytest.raises(UnableToBookReceivable, match="order_number_taken"):
        book(make_shop(psp))


def test_a_declined_payment_can_be_booked_as_a_debt(shop):
    shop.card("insufficient_funds")
    payment = shop.hold()

    assert book(shop, payment.order_number).state == "RECEIVABLE"


def test_a_payment_that_stands_is_not_a_debt(shop):
    payment = shop.hold()

    with pytest.raises(UnableToBookReceivable, match="payment_stands"):
        book(shop, payment.order_number)
    with pytest.raises(UnableToBookReceivable, match="amount_invalid"):
        book(shop, amount_minor=0)


def test_two_operators_are_paid_on_their_own_accounts(shop, psp):
    neighbour = make_shop(psp)
    mine, theirs = shop.captured(1000), neighbour.captured(2000)

    assert shop.books()["captured_minor"] == 1000
    assert neighbour.books()["captured_minor"] == 2000
    assert mine.account_reference != theirs.account_reference
    platform = psp.books()["platform"]["eur"]
    assert platform["captured_minor"] == 0
    assert psp.books()["transfers"] == 0
    proved()


def test_a_currency_without_decimals_is_charged_in_its_units(psp, db):
    shop = make_shop(psp, currency="JPY")
    view = payments.open_payment(
        operator_id=shop.operator.pk,
        order_number="C" * 20,
        currency="JPY",
        hold_minor=5000,
        driver_id=shop.driver.pk,
        payment_method_id=shop.method.id,
        payee=PayeeSnapshot(
            shop.account.pk, "stripe", shop.account.reference, "connected", "JPY"
        ),
        split=SplitSnapshot(None, shop.parties),
        off_session=True,
        at=timezone.now(),
    )
    drain()
    payment = shop.capture(shop.payment(view), 999)

    assert (payment.captured_minor, payment.application_fee_minor) == (999, 100)
    proved()
