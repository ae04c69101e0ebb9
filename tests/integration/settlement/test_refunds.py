import pytest
from django.utils import timezone

from settlement import queries
from settlement.models import LedgerLine, Refund
from settlement.providers.registry import get_provider
from settlement.services import holds, payments
from settlement.services.payments import UnableToRefund
from tests.integration.settlement.shop import proved, told, topics
from tests.outbox import drain

pytestmark = pytest.mark.integration


def kept(payment):
    found = {}
    for line in queries.split_lines(payment.order_number):
        found[line.party] = found.get(line.party, 0) + line.amount_minor
    return found


def test_a_full_refund_brings_every_party_to_zero(shop):
    payment = shop.captured(1001)

    shop.refund(payment)

    payment = shop.payment(payment)
    assert (payment.state, payment.refunded_minor) == ("REFUNDED", 1001)
    assert payment.application_fee_refunded_minor == 100
    assert set(kept(payment).values()) == {0}
    assert shop.books()["application_fee_returned_minor"] == 100
    assert told(payment.order_number)[-1][1]["full"] is True
    balances = {}
    for line in LedgerLine.objects.select_related("account"):
        code = line.account.code
        balances[code] = balances.get(code, 0) + line.amount_minor
    assert balances.pop("refunds") == 1001
    assert balances.pop("session_revenue") == -1001
    assert set(balances.values()) == {0}
    proved()


def test_refunds_in_parts_end_where_one_refund_ends(shop):
    payment = shop.captured(1001)

    for number, amount in enumerate([333, 1, 400]):
        shop.refund(payment, amount, key=f"r{number}")
        assert shop.payment(payment).state == "PARTLY_REFUNDED"
        assert (
            sum(kept(payment).values()) == 1001 - shop.payment(payment).refunded_minor
        )
        proved()
    shop.refund(payment, key="rest")

    assert shop.payment(payment).state == "REFUNDED"
    assert set(kept(payment).values()) == {0}
    assert topics(payment.order_number).count("PaymentRefunded") == 4
    proved()


def test_the_platform_may_keep_its_fee_and_the_operator_bears_it(shop):
    payment = shop.captured(1001)

    shop.refund(payment, fee=False)

    assert kept(payment) == {
        "operator": -100,
        "platform": 100,
        "host": 0,
        "supplier": 0,
    }
    assert shop.payment(payment).application_fee_refunded_minor == 0
    proved()


def test_a_refund_with_the_fee_after_one_without_still_ends_exactly(shop):
    payment = shop.captured(1000)

    shop.refund(payment, 500, fee=False, key="a")
    shop.refund(payment, 500, fee=True, key="b")

    payment = shop.payment(payment)
    assert payment.state == "REFUNDED"
    assert sum(kept(payment).values()) == 0
    assert kept(payment)["platform"] == 100 - payment.application_fee_refunded_minor
    proved()


def test_the_same_key_is_one_refund(shop):
    payment = shop.captured(1000)

    first = shop.refund(payment, 300)
    again = shop.refund(payment, 300)

    assert first.id == again.id
    assert shop.payment(payment).refunded_minor == 300
    with pytest.raises(UnableToRefund, match="idempotency_key_reused"):
        shop.refund(payment, 301)


@pytest.mark.parametrize("amount", [1001, 0, -1])
def test_no_more_than_what_was_taken_goes_back(shop, amount):
    payment = shop.captured(1000)

    with pytest.raises(UnableToRefund, match="refund_too_large"):
        shop.refund(payment, amount)


def test_a_hold_cannot_be_refunded(shop):
    with pytest.raises(UnableToRefund, match="nothing_captured"):
        shop.refund(shop.hold())


def test_one_refund_at_a_time(shop):
    payment = shop.captured(1000)
    ask = {
        "payment_id": payment.pk,
        "amount_minor": 100,
        "reason": "x",
        "refund_application_fee": True,
        "by": "operator",
        "at": timezone.now(),
    }
    payments.request_refund(key="a", **ask)

    with pytest.raises(UnableToRefund, match="refund_in_progress"):
        payments.request_refund(key="b", **ask)
    drain()
    payments.request_refund(key="b", **ask)


def test_a_refused_refund_moves_nothing(shop, psp):
    payment = shop.captured(1000)
    psp.fault("error_before", path="/v1/refunds", status=400, times=1)

    shop.refund(payment, 100)

    assert Refund.objects.get().state == "failed"
    assert shop.payment(payment).state == "CAPTURED"
    topic, payload = told(payment.order_number)[-1]
    assert (topic, bool(payload["message"])) == ("RefundFailed", True)
    shop.refund(payment, 100, key="again")
    assert shop.payment(payment).refunded_minor == 100
    proved()


def test_a_refund_made_in_the_providers_own_pages_is_taken_note_of(shop):
    payment = shop.captured(1000)
    get_provider("stripe").refund(
        account=payment.account_reference,
        payment_ref=payment.provider_ref,
        amount_minor=250,
        refund_application_fee=False,
        idempotency_key="by-hand",
    )

    assert holds.refresh(payment_id=payment.pk, at=timezone.now())
    assert not holds.refresh(payment_id=payment.pk, at=timezone.now())

    payment = shop.payment(payment)
    assert (payment.state, payment.refunded_minor) == ("PARTLY_REFUNDED", 250)
    assert Refund.objects.get().source == "provider"
    proved()
