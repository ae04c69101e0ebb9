"""Bills of operators with a key of their own are corrected while others move money.

Nobody takes the platform's part at the capture there: it is owed, and must follow each
correction exactly once, also when the month is invoiced meanwhile.
"""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from billing.models import Receipt
from billing.services import progress
from charge_points.models import Transaction
from cpms.outbox.models import Delivery
from settlement.models import (
    Correction,
    LedgerLine,
    Payment,
    PaymentAttempt,
    PlatformInvoice,
    Receivable,
    SplitLine,
)
from settlement.services import (
    attempts,
    corrections,
    holds,
    payments,
    platform_fees,
    receivables,
    refunds,
)
from tests.concurrency.charge_points.racing import race
from tests.concurrency.settlement.in_line import in_line
from tests.factories import accounts, money, network, tariffs
from tests.integration.billing.late_facts import (
    go_on,
    kept,
    owed,
    papers,
    prove,
)
from tests.integration.billing.pricing import fact
from tests.integration.billing.test_own_key_starts import save_card_at
from tests.integration.billing.world import World, fresh, payment_of
from tests.integration.settlement.test_checkouts import WANTED, browse
from tests.outbox import drain
from tests.psp_process import running_psp

pytestmark = pytest.mark.integration
GOOD = "4242424242424242"
FEE_BASIS_POINTS = 500


@pytest.fixture
def own(transactional_db, settings):
    """An operator with a key of its own, whose driver saved a card there."""
    with running_psp() as psp:
        settings.PAYMENT_PROVIDERS = money.provider_settings(psp)
        operator = accounts.operator()
        account = money.own_key_account(psp, operator)
        money.split(operator, ("platform", "platform", FEE_BASIS_POINTS))
        tariffs.tariff(operator, tariffs.component(price="0.50", vat=19))
        person = accounts.driver()
        save_card_at(account, person.driver)
        yield World(psp, operator, account, network.station(operator), person)


def errors(results):
    return [result for result in results if isinstance(result, Exception)]


def late(order):
    """The event of late facts, as a worker gets it."""

    def deed():
        with transaction.atomic():
            progress.transaction_corrected(fact(order))

    return deed


def learn(order, energy_wh):
    """The charge's energy is told otherwise; its money does not move yet."""
    Transaction.objects.filter(pk=order.transaction_id).update(energy_wh=energy_wh)
    late(order)()


def advance(row):
    return lambda: corrections.advance(correction_id=row.pk, at=timezone.now())


def rest(order):
    """Everything comes to its end, and every cent is where it belongs."""
    for _ in range(5):
        PaymentAttempt.objects.update(next_try_at=timezone.now())
        drain()
        go_on()
    assert not Correction.objects.exclude(state="done").exists()
    assert not Delivery.objects.exclude(state="done").exists()
    prove(order)
    # What the platform is owed is its part of what the driver really paid.
    shares = SplitLine.objects.filter(role="platform")
    mine = shares.filter(order_number=order.number).aggregate(sum=Sum("amount_minor"))
    assert abs((mine["sum"] or 0) * 10_000 - kept(order) * FEE_BASIS_POINTS) < 10_000
    fee = shares.aggregate(sum=Sum("amount_minor"))
    lines = LedgerLine.objects.filter(account__code="payable:platform")
    payable = -(lines.aggregate(sum=Sum("amount_minor"))["sum"] or 0)
    assert payable == (fee["sum"] or 0)
    # The provider took nothing for the platform.
    assert set(Payment.objects.values_list("application_fee_minor", flat=True)) == {0}


def test_the_same_late_facts_told_to_many_change_the_bill_once(own):
    order = own.closed()
    Transaction.objects.update(energy_wh=8000)
    assert not errors(race(*[late(order)] * 6))
    rest(order)
    assert [row.number for row in Receipt.objects.order_by("pk")] == [1, 2]
    assert (kept(order), Correction.objects.count()) == (476, 1)


def test_many_workers_ask_the_operators_account_for_one_refund(own):
    order = own.closed()
    learn(order, 8000)
    row = Correction.objects.get()
    assert not errors(race(*[advance(row)] * 6))
    assert row.refunds.count() == 1
    rest(order)
    assert own.books()["refunded_minor"] == 119


@pytest.mark.parametrize("refund_first", [True, False])
@pytest.mark.parametrize("amount", [300, None])
def test_a_refund_and_a_correction_at_once_give_back_no_cent_twice(
    own, amount, refund_first
):
    order = own.closed()
    Transaction.objects.update(energy_wh=8000)
    payment = payment_of(order)

    def refund():
        return refunds.request_refund(
            payment_id=payment.pk,
            amount_minor=amount,
            reason="goodwill",
            refund_application_fee=True,
            key="race",
            by="test",
            at=timezone.now(),
        )

    deeds = [refund, late(order)] if refund_first else [late(order), refund]
    results = in_line(Payment.objects.filter(pk=payment.pk), *deeds)
    for result in errors(results):
        assert isinstance(result, payments.UnableToRefund | progress.RetryLater)
    drain()
    late(fresh(order))()
    rest(order)
    assert papers(order) == kept(order) + owed(order)
    assert own.books()["refunded_minor"] == 595 - kept(order)


@pytest.mark.parametrize("collect_first", [True, False])
def test_a_debt_is_collected_and_lowered_at_once(own, collect_first):
    order = own.closed()
    learn(order, 12_000)
    drain()
    debt = Receivable.objects.get()
    learn(order, 9000)
    row = Correction.objects.latest("pk")

    def collect():
        return receivables.collect(receivable_id=debt.pk, at=timezone.now())

    deeds = [collect, advance(row)] if collect_first else [advance(row), collect]
    in_line(Receivable.objects.filter(pk=debt.pk), *deeds)
    rest(order)
    assert kept(order) + owed(order) == papers(order) == 536


@pytest.mark.parametrize("paid_first", [True, False])
def test_a_pay_link_is_paid_while_its_debt_is_raised(own, paid_first):
    order = own.closed()
    learn(order, 12_000)
    drain()
    debt = Receivable.objects.get()
    asked = receivables.pay_link(
        receivable_id=debt.pk, checkout=WANTED, at=timezone.now()
    )
    drain()
    link = Payment.objects.get(pk=asked.id)
    assert browse(link.action_url, card_number=GOOD)[0] == 303
    learn(order, 13_000)
    row = Correction.objects.latest("pk")

    def paid():
        return holds.refresh(payment_id=link.pk, at=timezone.now())

    deeds = [paid, advance(row)] if paid_first else [advance(row), paid]
    results = in_line(Receivable.objects.filter(pk=debt.pk), *deeds)
    assert not errors(results)
    rest(order)
    assert (kept(order), owed(order)) == (714, 60)


def test_the_month_is_invoiced_while_a_bill_is_lowered(own):
    """What the platform gives back after its invoice lowers the next one."""
    order = own.closed()
    learn(order, 8000)
    corrections.advance(correction_id=Correction.objects.get().pk, at=timezone.now())
    attempt = PaymentAttempt.objects.get(kind="refund")
    month = timezone.now().date().replace(day=1)

    def refunded():
        return attempts.perform_attempt(attempt.pk, at=timezone.now())

    def invoiced(months=0):
        return platform_fees.issue(
            month_start_date=month + timedelta(days=31 * months), at=timezone.now()
        )

    held = Payment.objects.filter(pk=attempt.payment_id)
    assert in_line(held, refunded, invoiced, invoiced) == [None, 1, 0]
    rest(order)
    assert kept(order) == 476
    assert invoiced(1) == 0
    own.station.status("available")
    rest(own.closed())
    assert invoiced(1) == 1
    # 5 % of 5.95 and of 4.76, of which 5 % of 5.95 were invoiced before.
    fees = PlatformInvoice.objects.order_by("pk").values_list("fee_minor", flat=True)
    assert list(fees) == [30, 24]
