"""From the end of the charge to CDR, receipt, correction and decision."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.models import Cdr, Order, Receipt
from billing.services import progress, rating, receipts, reviewing
from billing.services.ordering import UnableToFindOrder
from billing.tasks import sweep_finished, sweep_rated
from charge_points.models import Transaction
from charge_points.services import transactions
from cpms.accounts.models import AuditEntry
from cpms.kernel.errors import DomainError
from settlement.models import Payment, Receivable
from tests.factories import accounts, network, tariffs
from tests.integration.billing.world import MINUTE, ago, fresh, make_world, payment_of
from tests.outbox import drain

IDLE = (tariffs.component(vat=None), tariffs.component("PARKING_TIME", "6", vat=None))


def fact(order, **payload):
    content = {"transaction_id": order.transaction_id, **payload}
    return progress.Fact(content, order.operator_id, timezone.now(), timezone.now())


# -- receipts --------------------------------------------------------------------


def test_the_receipt_says_everything_that_the_driver_must_see(world):
    order = world.closed(10_000)
    receipt = Receipt.objects.get()
    assert receipt.body == {
        **receipt.body,
        "order": order.number,
        "operator": world.operator.name,
        "charge_point": world.station.identity,
        "energy_wh": 10_000,
        "meter_begin_wh": "1000.000",
        "meter_end_wh": "11000.000",
        "estimated": False,
        "currency": "EUR",
        "before_taxes_minor": 500,
        "amount_minor": 595,
        "payment_state": "CAPTURED",
        "rounding_policy": "half-up-per-tax-rate-1",
        "signed_values": [],
    }
    (line,) = receipt.body["lines"]
    assert (line["dimension"], line["unit_price"], line["tax_rate"]) == (
        "ENERGY",
        "0.5000",
        "19",
    )
    (tax,) = receipt.body["taxes"]
    assert (tax["before_taxes_minor"], tax["taxes_minor"]) == (500, 95)
    assert receipts.issue(order, at=timezone.now()) == receipt


def test_receipts_are_numbered_per_operator(world, psp):
    world.closed()
    world.closed()
    assert list(Receipt.objects.values_list("number", flat=True)) == [1, 2]


def test_an_order_that_was_never_priced_has_no_receipt(world):
    order = world.claimed()
    assert receipts.issue(order, at=timezone.now()) is None


# -- idle time -------------------------------------------------------------------


def test_idle_time_is_paid_until_the_unplug(world):
    tariffs.tariff(world.operator, *IDLE, code="IDLE")
    order, charge = world.charging()
    world.finish(charge, unplug=False)
    order = fresh(order)
    assert (order.state, order.amount_minor) == ("FINISHED", None)
    world.station.status("available", charge.started_at + 60 * MINUTE)
    drain()
    order = fresh(order)
    assert (order.state, order.amount_minor) == ("CLOSED", 500 + 300)
    periods = order.cdrs.get().ocpi["charging_periods"]
    assert periods[-1]["dimensions"] == [{"type": "PARKING_TIME", "volume": "0.5000"}]


def test_the_live_price_grows_with_the_idle_time_and_becomes_the_bill(world):
    tariffs.tariff(world.operator, *IDLE, code="IDLE")
    order, charge = world.charging()
    world.finish(charge, unplug=False)
    ended_at = fresh(order).ended_at
    prices = [
        rating.estimate(fresh(order), at=ended_at + n * 10 * MINUTE) for n in range(4)
    ]
    assert prices == [500, 600, 700, 800]
    world.station.status("available", ended_at + 30 * MINUTE)
    drain()
    assert fresh(order).amount_minor == prices[-1]


def test_an_unplug_that_never_comes_is_capped(world):
    tariffs.tariff(world.operator, *IDLE, code="IDLE")
    began = ago(hours=14)
    charge = world.station.start(
        network.token(driver=world.driver), began, told_at=timezone.now()
    )
    charge.stop(1000, began + timedelta(hours=1), told_at=timezone.now())
    Transaction.objects.update(unplugged_at=None)
    drain()
    order = Order.objects.get()
    assert order.state == "CLOSED"
    assert order.amount_minor == 50 + 12 * 600
    assert payment_of(order).captured_minor == order.hold_minor == 5000


def test_the_sweep_prices_what_waited_for_an_unplug_too_long(world):
    tariffs.tariff(world.operator, *IDLE, code="IDLE")
    order, charge = world.charging()
    world.finish(charge, unplug=False)
    assert sweep_finished() == 0
    ended_at = ago(hours=13)
    Transaction.objects.update(
        ended_at=ended_at, started_at=ended_at - timedelta(hours=1)
    )
    assert sweep_finished() == 1
    drain()
    assert fresh(order).state == "CLOSED"


def test_an_unplug_whose_news_was_lost_is_found_by_the_sweep(world):
    tariffs.tariff(world.operator, *IDLE, code="IDLE")
    order, charge = world.charging()
    world.finish(charge, unplug=False)
    Transaction.objects.update(unplugged_at=fresh(order).ended_at + 30 * MINUTE)
    assert sweep_finished() == 1
    assert fresh(order).amount_minor == 800


def test_without_a_price_of_idle_time_nobody_waits_for_the_unplug(world):
    order, charge = world.charging()
    world.finish(charge, unplug=False)
    assert fresh(order).state == "CLOSED"
    assert fresh(order).unplugged_at is None


# -- money -----------------------------------------------------------------------


def test_what_exceeds_the_hold_becomes_a_debt(world):
    world.operator.hold_default_minor = 300
    world.operator.save()
    order = world.closed(10_000)
    assert (order.amount_minor, order.payment_state) == (595, "CAPTURED")
    payment = payment_of(order)
    assert payment.captured_minor == 300
    assert Receivable.objects.get(payment=payment).amount_minor == 295


def test_a_charge_that_drew_nothing_gives_the_hold_back(world):
    order = world.closed(0)
    assert (order.state, order.payment_state, order.amount_minor) == (
        "CLOSED",
        "RELEASED",
        0,
    )
    assert Receipt.objects.get().body["amount_minor"] == 0


def test_a_capture_that_is_not_told_is_found_by_the_sweep(world):
    order, charge = world.charging()
    world.finish(charge)
    Order.objects.update(state="RATED", payment_state="CAPTURING")
    assert sweep_rated() == 0
    Order.objects.update(moved_at=ago(minutes=3))
    assert sweep_rated() == 1
    order = fresh(order)
    assert (order.state, order.payment_state) == ("CLOSED", "CAPTURED")


def test_a_payment_that_is_still_being_taken_stays_rated(world):
    order, charge = world.charging()
    charge.stop(10_000, charge.started_at + 30 * MINUTE)
    progress.transaction_ended(
        fact(
            fresh(order),
            energy_wh=10_000,
            ended_at=(charge.started_at + 30 * MINUTE).isoformat(),
        )
    )
    assert (fresh(order).state, fresh(order).payment_state) == ("RATED", "CAPTURING")
    Order.objects.update(moved_at=ago(minutes=3))
    assert sweep_rated() == 0


# -- review ----------------------------------------------------------------------


@pytest.fixture
def doubtful(world):
    """An order whose charge has more energy than its connector can deliver."""
    order, charge = world.charging()
    world.finish(charge, 500_000)
    order = fresh(order)
    assert order.state == "REVIEW"
    assert order.review_reason
    return order


def decide(order, energy_wh=None, **values):
    return reviewing.decide(
        number=values.pop("number", order.number),
        energy_wh=energy_wh,
        note="looked at the meter",
        by="staff",
        at=timezone.now(),
    )


def test_a_lying_meter_waits_for_a_person(world, doubtful):
    assert doubtful.amount_minor is None
    assert sweep_finished() == 0
    assert payment_of(doubtful).state == "AUTHORIZED"


def test_a_person_decides_what_is_billed(world, doubtful):
    decide(doubtful, 10_000)
    drain()
    order = fresh(doubtful)
    assert (order.state, order.payment_state, order.amount_minor) == (
        "CLOSED",
        "CAPTURED",
        595,
    )
    assert (order.energy_wh, order.decided_energy_wh) == (10_000, 10_000)
    assert order.moves.filter(cause__contains="looked at the meter").exists()
    entry = AuditEntry.objects.get(action="order.review_decided")
    assert (entry.actor, entry.changes["energy_wh"]) == ("staff", 10_000)


def test_the_measured_energy_can_be_right_after_all(world, doubtful):
    decide(doubtful)
    drain()
    order = fresh(doubtful)
    assert (order.state, order.amount_minor) == ("CLOSED", 29_750)
    assert payment_of(order).captured_minor == order.hold_minor


def test_only_a_reviewed_order_is_decided_once_and_sensibly(world, doubtful):
    with pytest.raises(UnableToFindOrder):
        decide(doubtful, number="0" * 20)
    for energy_wh in (-1, 10_000_001):
        with pytest.raises(reviewing.UnableToDecide) as refused:
            decide(doubtful, energy_wh)
        assert refused.value.code == "energy_invalid"
    decide(doubtful, 0)
    with pytest.raises(reviewing.UnableToDecide) as refused:
        decide(doubtful, 5)
    assert refused.value.code == "not_in_review"


def test_a_charge_that_cannot_be_priced_waits_for_a_person(world):
    order, charge = world.charging()
    Transaction.objects.update(started_at=ago(days=400))
    world.finish(charge)
    order = fresh(order)
    assert order.state == "REVIEW"
    assert order.review_reason.startswith("cannot be priced")
    assert rating.estimate(order, at=timezone.now()) == 0
    Transaction.objects.update(started_at=charge.started_at)
    decide(order)
    assert fresh(order).state == "RATED"


def test_a_price_needs_an_ended_charge(world):
    order = world.claimed()
    now = timezone.now()
    assert not rating.rate_if_complete(order, at=now)
    assert rating.estimate(order, at=now) == 0
    world.begin(order)
    order = fresh(order)
    assert not rating.rate_if_complete(order, at=now)
    order.transaction_id = 10**9
    assert not rating.correct(order, at=now)
    rating.refresh(order)


# -- corrections -----------------------------------------------------------------


@pytest.fixture
def estimated(world):
    """A charge whose stop never came: closed by its last sample, then corrected."""
    order, charge = world.charging()
    charge.meter(10_000, charge.started_at + 20 * MINUTE)

    transactions.close_silent(at=timezone.now() + timedelta(days=2))
    drain()
    order = fresh(order)
    assert (order.state, order.amount_minor) == ("CLOSED", 595)
    return order, charge


@pytest.mark.parametrize(
    ("energy_wh", "amount", "word"),
    [(12_000, 714, "not charged"), (10_500, 625, "not charged")],
)
def test_a_late_stop_credits_the_price_and_makes_a_new_one(
    world, estimated, energy_wh, amount, word
):
    order, charge = estimated
    charge.stop(energy_wh, charge.started_at + 30 * MINUTE)
    drain()
    order = fresh(order)
    first, credit, new = order.cdrs.order_by("sequence")
    assert (first.amount_minor, credit.amount_minor, new.amount_minor) == (
        595,
        -595,
        amount,
    )
    assert (credit.credits, credit.energy_wh) == (first, -10_000)
    assert credit.ocpi["credit_reference_id"] == first.ocpi["id"]
    assert new.ocpi["id"] == f"{order.number}-3"
    assert sum(cdr.amount_minor for cdr in order.cdrs.all()) == order.amount_minor
    assert word in order.review_reason
    assert (order.state, order.payment_state) == ("CLOSED", "CAPTURED")
    assert Payment.objects.get().captured_minor == 595
    assert order.ended_at == charge.started_at + 30 * MINUTE


def test_a_correction_that_lowers_the_price_says_to_refund(world, estimated):
    order, _ = estimated
    Transaction.objects.update(energy_wh=Decimal(8000))
    progress.transaction_corrected(fact(order))
    order = fresh(order)
    assert order.amount_minor == 476
    assert order.review_reason.endswith("Refund the difference.")


def test_a_correction_that_changes_nothing_writes_nothing(world, estimated):
    order, _ = estimated
    progress.transaction_corrected(fact(order))
    assert Cdr.objects.count() == 1
    assert fresh(order).review_reason == ""


def test_a_correction_below_the_smallest_coin_keeps_the_amount(world, estimated):
    order, _ = estimated
    Transaction.objects.update(energy_wh=Decimal(10_001))
    progress.transaction_corrected(fact(order))
    assert (Cdr.objects.count(), fresh(order).review_reason) == (3, "")


def test_a_second_correction_credits_the_first(world, estimated):
    order, _ = estimated
    for energy_wh in (8000, 9000):
        Transaction.objects.update(energy_wh=Decimal(energy_wh))
        progress.transaction_corrected(fact(order))
    amounts = [cdr.amount_minor for cdr in order.cdrs.order_by("sequence")]
    assert amounts == [595, -595, 476, -476, 536]


def test_late_facts_before_the_price_are_simply_used(world, doubtful):
    Transaction.objects.update(energy_wh=Decimal(9000))
    progress.transaction_corrected(fact(doubtful))
    assert fresh(doubtful).energy_wh == 9000
    progress.transaction_corrected(fact(doubtful))
    assert Cdr.objects.count() == 0


def test_a_correction_of_an_unknown_or_running_charge_is_passed_over(world):
    order, _ = world.charging()
    order = fresh(order)
    progress.transaction_corrected(fact(order))
    order.transaction_id = 10**9
    progress.transaction_corrected(fact(order))
    assert Cdr.objects.count() == 0


def test_one_order_that_fails_does_not_stop_the_sweep(world, monkeypatch):
    tariffs.tariff(world.operator, *IDLE, code="IDLE")
    orders = []
    for evse in (1, 2):
        order = world.claim(world.station.certificate(evse=evse))
        drain()
        charge = world.station.start(order.number, evse=evse)
        drain()
        world.finish(charge, unplug=False)
        orders.append(order)
    Transaction.objects.update(unplugged_at=timezone.now())
    price = rating.rate_if_complete

    def fail_once(order, *, at):
        if order.pk == orders[0].pk:
            raise DomainError("no", "no")
        return price(order, at=at)

    monkeypatch.setattr(rating, "rate_if_complete", fail_once)
    assert sweep_finished() == 1
    assert fresh(orders[0]).state == "FINISHED"


def test_two_operators_have_their_own_numbers(world, psp):
    world.closed()
    other = make_world(psp)
    other.closed()
    assert sorted(Receipt.objects.values_list("operator_id", "number")) == sorted(
        [(world.operator.pk, 1), (other.operator.pk, 1)]
    )
    assert accounts.operator().pk not in {world.operator.pk, other.operator.pk}
