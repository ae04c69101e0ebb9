from datetime import timedelta

import pytest
from django.utils import timezone

from settlement.models import LedgerLine, Payment, Receivable
from settlement.queries import PAYABLE_FROM_MINOR
from settlement.services import receivables
from settlement.services.receivables import UnableToCollect
from tests.integration.settlement.shop import proved, settle, topics
from tests.integration.settlement.test_checkouts import WANTED
from tests.outbox import drain

pytestmark = pytest.mark.integration


@pytest.fixture
def debt(shop):
    """A debt of 640 because the card was empty; now it has money again."""
    shop.card("insufficient_funds")
    shop.captured(640)
    shop.card("succeed")
    return Receivable.objects.get()


def collect(debt):
    return receivables.collect(receivable_id=debt.pk, at=timezone.now())


def test_a_debt_is_collected_on_the_same_operators_account(shop, debt):
    view = collect(debt)
    drain()

    debt.refresh_from_db()
    payment = shop.payment(view)
    assert debt.state == "paid"
    assert (payment.state, payment.sequence, payment.captured_minor) == (
        "CAPTURED",
        2,
        640,
    )
    assert payment.account_reference == shop.account.reference
    assert shop.books()["captured_minor"] == 640
    assert Payment.objects.get(sequence=1).state == "CAPTURED"
    assert topics(debt.order_number) == [
        "PaymentDeclined",
        "PaymentReceivable",
        "ReceivablePaid",
    ]
    owed = LedgerLine.objects.filter(account__code="driver_receivables")
    assert sum(owed.values_list("amount_minor", flat=True)) == 0
    proved()


def test_a_collected_debt_can_be_refunded_by_the_orders_payment(shop, debt):
    collect(debt)
    drain()
    order = Payment.objects.get(sequence=1)

    shop.refund(order, 640)

    assert Payment.objects.get(sequence=2).state == "REFUNDED"
    proved()


def test_a_debt_is_collected_once_at_a_time(shop, debt):
    collect(debt)

    with pytest.raises(UnableToCollect, match="collection_in_progress"):
        collect(debt)
    with pytest.raises(UnableToCollect, match="collection_in_progress"):
        receivables.write_off(receivable_id=debt.pk, by="x", at=timezone.now())


def test_a_declined_collection_leaves_the_debt_and_is_tried_again(shop, debt):
    shop.card("insufficient_funds")
    collect(debt)
    drain()
    debt.refresh_from_db()
    assert (debt.state, debt.collections_tried) == ("open", 1)
    assert topics(debt.order_number) == ["PaymentDeclined", "PaymentReceivable"]

    shop.card("succeed")
    assert receivables.collect_due(at=timezone.now()) == 0
    assert receivables.collect_due(at=debt.next_try_at) == 1
    settle()

    debt.refresh_from_db()
    assert debt.state == "paid"
    proved()


def test_a_collection_whose_capture_is_refused_leaves_the_debt(shop, psp, debt):
    psp.fault("error_before", path="/capture", status=400, times=0)
    view = collect(debt)
    settle()

    debt.refresh_from_db()
    assert (debt.state, shop.payment(view).state) == ("open", "RECEIVABLE")
    assert shop.intent(shop.payment(view)).state == "cancelled"
    proved()


def test_collections_end_after_some_tries(shop, debt):
    shop.card("insufficient_funds")
    for _ in range(receivables.COLLECTIONS_MAX):
        debt.refresh_from_db()
        assert receivables.collect_due(at=debt.next_try_at) == 1
        settle()

    debt.refresh_from_db()
    assert (debt.state, debt.next_try_at) == ("open", None)


def test_a_debt_of_nobody_waits_without_using_up_a_try(shop, debt):
    Receivable.objects.update(driver=None)
    at = debt.next_try_at

    assert receivables.collect_due(at=at) == 0
    debt.refresh_from_db()
    assert (debt.collections_tried, debt.next_try_at) == (
        0,
        at + receivables.COLLECT_AGAIN_AFTER,
    )
    with pytest.raises(UnableToCollect, match="no_payment_method"):
        collect(debt)


@pytest.fixture
def small(shop):
    """What is left of a bill is less than providers take."""
    shop.card("insufficient_funds")
    shop.captured(PAYABLE_FROM_MINOR - 1)
    shop.card("succeed")
    return Receivable.objects.get()


def test_a_debt_that_no_provider_takes_is_asked_of_nobody(shop, small):
    assert receivables.collect_due(at=small.next_try_at) == 0
    ask = (
        collect,
        lambda debt: receivables.pay_link(
            receivable_id=debt.pk, checkout=WANTED, at=timezone.now()
        ),
    )
    for deed in ask:
        with pytest.raises(UnableToCollect, match="amount_too_small"):
            deed(small)
    assert Payment.objects.filter(collects=small).count() == 0
    receivables.write_off(receivable_id=small.pk, by="owner", at=timezone.now())
    proved()


def test_a_debt_can_be_given_up(shop, debt):
    receivables.write_off(receivable_id=debt.pk, by="owner", at=timezone.now())

    debt.refresh_from_db()
    assert debt.state == "written_off"
    proved()
    for again in (
        collect,
        lambda d: receivables.write_off(
            receivable_id=d.pk, by="owner", at=timezone.now()
        ),
    ):
        with pytest.raises(UnableToCollect, match="no_open_receivable"):
            again(debt)


def test_a_debt_of_the_rest_is_collected_too(shop):
    shop.captured(1500, hold_minor=1000)
    debt = Receivable.objects.get()

    assert receivables.collect_due(at=timezone.now() + timedelta(days=1)) == 1
    settle()

    debt.refresh_from_db()
    assert debt.state == "paid"
    assert shop.books()["captured_minor"] == 1500
    proved()
