"""From the end of the charge to CDR and receipt."""

from datetime import timedelta

from django.utils import timezone

from billing.models import Order, Receipt
from billing.services import progress, rating, receipts
from billing.tasks import sweep_finished, sweep_rated
from charge_points.models import Transaction
from settlement.models import Receivable
from tests.factories import network, tariffs
from tests.integration.billing.pricing import IDLE, fact
from tests.integration.billing.world import MINUTE, ago, fresh, payment_of
from tests.outbox import drain


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
