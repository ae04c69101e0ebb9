"""The other ways to start: token, offline, late."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import Order
from billing.services import ordering, progress, reviewing
from charge_points.models import ChargePoint, Command, Connector, IdToken, StartHandle
from charge_points.services import ownership, starting
from cpms.outbox.models import Delivery
from settlement.models import DriverPaymentMethod, PayeeAccount, Payment, Receivable
from tests.factories import accounts, money, network, tariffs
from tests.integration.billing.driver_starting import start
from tests.integration.billing.world import MINUTE, ago, fresh, payment_of
from tests.outbox import drain


def test_a_token_without_account_ends_as_a_receivable(world):
    charge = world.station.start(network.token(operator=world.operator))
    drain()
    order = Order.objects.get()
    assert (order.state, order.payment_state) == ("CHARGING", "NONE")
    assert (order.started_by, order.driver, order.id_token) == (
        "token",
        None,
        order.id_token,
    )
    assert charge.row.order_number == order.number
    assert charge.row.energy_limit_wh == order.energy_limit_wh
    assert charge.row.stop_requested_at is None
    world.finish(charge)
    order = fresh(order)
    assert (order.state, order.payment_state) == ("CLOSED", "RECEIVABLE")
    debt = Receivable.objects.get()
    assert (debt.amount_minor, debt.driver_id) == (595, None)
    assert debt.operator_id == world.operator.pk


def test_a_drivers_token_is_held_in_the_background_and_captured(world):
    charge = world.station.start(network.token(driver=world.driver))
    drain()
    order = Order.objects.get()
    assert (order.state, order.payment_state) == ("CHARGING", "AUTHORIZED")
    assert payment_of(order).off_session
    world.finish(charge)
    order = fresh(order)
    assert (order.state, order.payment_state) == ("CLOSED", "CAPTURED")
    assert payment_of(order).captured_minor == 595


def test_a_refused_charge_that_ran_waits_for_a_person_and_bills_no_driver(world):
    token = network.token(driver=world.driver, status="blocked")
    charge = world.station.start(token)
    assert charge.status == "Blocked"
    drain()
    assert not Order.objects.exists()
    charge.meter(2000, charge.started_at + MINUTE)
    drain()
    order = Order.objects.get()
    assert (order.state, order.payment_state) == ("CHARGING", "NONE")
    assert (order.driver, order.id_token) == (None, token)
    assert order.failure_reason == progress.LET_RUN
    world.finish(charge, 3000)
    order = fresh(order)
    assert (order.state, order.review_reason) == ("REVIEW", "energy_after_refusal")
    assert not Payment.objects.exists()
    reviewing.decide(
        number=order.number, energy_wh=None, note="asked", by="op", at=timezone.now()
    )
    drain()
    debt = Receivable.objects.get()
    assert (debt.amount_minor, debt.driver_id) == (179, None)
    assert debt.operator_id == world.operator.pk


def test_a_background_hold_that_is_declined_stops_the_charge(world):
    network.token("CARD1", driver=world.driver)
    world.card("insufficient_funds")
    charge = world.station.start("CARD1")
    drain()
    order = Order.objects.get()
    assert (order.state, order.payment_state) == ("CHARGING", "DECLINED")
    assert Command.objects.get(intent="stop").state == "queued"
    assert IdToken.objects.get().account_state == "blocked"
    world.finish(charge, 500)
    order = fresh(order)
    assert (order.state, order.payment_state) == ("CLOSED", "RECEIVABLE")
    assert Receivable.objects.get().driver_id == world.driver.pk


def test_a_declined_charge_that_drew_nothing_costs_nothing(world):
    world.card("insufficient_funds")
    charge = world.station.start(network.token(driver=world.driver))
    drain()
    world.finish(charge, 0)
    order = Order.objects.get()
    assert (order.state, order.payment_state) == ("CLOSED", "DECLINED")
    assert not Receivable.objects.exists()


def test_a_charge_that_ends_before_the_hold_is_answered_is_captured_all_the_same(
    world,
):
    charge = world.station.start(network.token(driver=world.driver))
    charge.stop(10_000, charge.started_at + timedelta(minutes=30))
    drain()
    order = Order.objects.get()
    assert (order.state, order.payment_state) == ("CLOSED", "CAPTURED")


def test_a_driver_without_card_is_stopped_and_blocked(world):
    poor = accounts.driver()
    network.token("POOR", driver=poor.driver)
    charge = world.station.start("POOR")
    drain()
    order = Order.objects.get()
    assert (order.state, order.payment_state) == ("CHARGING", "NONE")
    assert "no payment method" in order.failure_reason
    assert charge.row.stop_requested_at is not None
    assert IdToken.objects.get().account_state == "blocked"
    world.finish(charge, 500)
    assert fresh(order).payment_state == "RECEIVABLE"


def test_a_card_that_cannot_be_used_here_stops_the_charge(world):
    DriverPaymentMethod.objects.update(provider="other")
    charge = world.station.start(network.token(driver=world.driver))
    drain()
    order = Order.objects.get()
    assert (order.payment_id, order.payment_state) == (None, "NONE")
    assert "other" in order.failure_reason
    assert charge.row.stop_requested_at is not None


def test_an_operator_that_cannot_be_paid_blames_no_driver(world):
    PayeeAccount.objects.update(charges_enabled=False)
    network.token("CARD1", driver=world.driver)
    charge = world.station.start("CARD1")
    drain()
    order = Order.objects.get()
    assert (order.payee, order.payment_state) == (None, "NONE")
    assert charge.row.stop_requested_at is not None
    assert IdToken.objects.get().account_state == "ok"
    world.finish(charge)
    order = fresh(order)
    assert (order.state, order.payment_state) == ("CLOSED", "RECEIVABLE")
    assert Receivable.objects.get().operator_id == world.operator.pk


def test_an_operators_own_token_charges_without_payee(world):
    PayeeAccount.objects.all().delete()
    charge = world.station.start(network.token(operator=world.operator))
    drain()
    order = Order.objects.get()
    assert charge.row.stop_requested_at is None
    assert order.failure_reason == ""


def test_a_free_tariff_charges_a_token_without_hold(world):
    tariffs.tariff(world.operator, tariffs.component(price="0"), code="FREE")
    charge = world.station.start(network.token(driver=world.driver))
    drain()
    assert charge.row.energy_limit_wh is None
    world.finish(charge)
    order = Order.objects.get()
    assert (order.state, order.payment_state, order.payment_id) == (
        "CLOSED",
        "NONE",
        None,
    )


def test_a_tokens_group_has_its_own_tariff(world):
    tariffs.tariff(
        world.operator,
        tariffs.component(price="0.10"),
        code="STAFF",
        token_group="staff",
    )
    token = network.token(operator=world.operator, group="staff")
    world.station.start(token)
    drain()
    assert Order.objects.get().tariff["id"] == "STAFF"


def test_an_offline_charge_is_priced_as_of_its_start(world):
    """The tariff changed between the charge and its report."""
    tariffs.tariff(
        world.operator,
        tariffs.component(price="9.00"),
        code="NEW",
        starts_at=ago(minutes=30),
    )
    began, now = ago(hours=2), timezone.now()
    token = network.token(driver=world.driver)
    charge = world.station.start(token, began, told_at=now)
    charge.stop(10_000, ago(hours=1), told_at=now)
    drain()
    order = Order.objects.get()
    assert order.started_by == "offline"
    assert order.started_at == began
    assert (order.state, order.payment_state, order.amount_minor) == (
        "CLOSED",
        "CAPTURED",
        595,
    )


def test_a_charge_before_any_tariff_waits_for_one(world):
    other = accounts.operator()
    station = network.station(other)
    charge = station.start(network.token(operator=other))
    charge.stop(1000, charge.started_at + timedelta(minutes=5))
    drain()
    assert not Order.objects.exists()
    waiting = Delivery.objects.filter(subscriber="billing.charges", state="pending")
    assert waiting.count() == 2
    assert "No tariff applies" in waiting.order_by("pk")[0].last_error
    tariffs.tariff(other)
    drain()
    assert Order.objects.get().state == "CLOSED"


def test_a_connector_that_nobody_knows_yet_waits(world):
    charge = world.station.start(network.token(operator=world.operator))
    Connector.objects.filter(pk=world.station.connector().pk).update(number=9)
    drain()
    assert not Order.objects.exists()
    error = Delivery.objects.get(subscriber="billing.charges").last_error
    assert "is not known yet" in error
    Connector.objects.filter(number=9).update(number=1)
    drain()
    assert Order.objects.get().transaction_id == charge.transaction_id


@pytest.mark.parametrize(("began", "mine"), [(48, True), (12, False)])
def test_an_offline_charge_told_after_a_sale_pays_who_owned_the_station(
    world, began, mine
):
    """B2: the charge began two days ago, the station was sold yesterday."""
    buyer = accounts.operator()
    account = money.payee_account(world.psp, buyer)
    tariffs.tariff(buyer, tariffs.component(price="9.00"))
    ownership.transfer(
        identity=world.station.identity,
        to_operator_code=buyer.code,
        site="Car park",
        by="test",
        at=ago(hours=24),
    )
    row = ChargePoint.objects.get(identity=world.station.identity)
    sold = network.Station(row.pk, buyer.pk, row.identity).go_online()
    text = network.token(driver=world.driver)
    charge = sold.start(text, ago(hours=began), told_at=timezone.now())
    charge.stop(10_000, ago(hours=began - 1), told_at=timezone.now())
    sold.status("available", ago(hours=began - 1, minutes=-5))
    drain()
    order = Order.objects.get()
    owner, paid = (world.operator, world.account) if mine else (buyer, account)
    assert (order.operator_id, order.state) == (owner.pk, "CLOSED")
    assert order.charge_point == world.station.identity
    assert payment_of(order).account_reference == paid.reference
    assert payment_of(order).captured_minor == (595 if mine else 5000)


def test_plug_and_charge_is_written_on_its_order(world):
    charge = world.station.start(network.token(operator=world.operator))
    fact = progress.Fact(
        {
            "transaction_id": charge.transaction_id,
            "charge_point": world.station.identity,
            "evse": 1,
            "connector": 1,
            "order_number": None,
            "id_token": "",
            "started_by": "plug_and_charge",
            "started_at": charge.started_at.isoformat(),
        },
        world.operator.pk,
        charge.started_at,
        timezone.now(),
    )
    progress.transaction_started(fact)
    assert Order.objects.get().started_by == "plug_and_charge"


def test_a_start_told_after_its_timeout_is_paid_under_a_new_order(world):
    """The link was lost; the hold was released; the charge ran all the same."""
    order = world.claimed()
    asked = StartHandle.objects.get().requested_at
    timed_out = asked + timedelta(minutes=5)
    starting.time_out(at=timed_out)
    drain()
    assert fresh(order).state == "FAILED"
    charge = world.station.start(
        order.number, asked + timedelta(seconds=10), told_at=timed_out
    )
    assert charge.status == "Accepted"
    drain()
    new = Order.objects.exclude(pk=order.pk).get()
    assert (new.state, new.driver, new.started_by) == (
        "CHARGING",
        world.driver,
        "certificate",
    )
    assert (new.payment_state, new.certificate_jti) == ("AUTHORIZED", "")
    assert charge.row.order_number == new.number
    world.finish(charge)
    assert (fresh(new).state, fresh(new).payment_state) == ("CLOSED", "CAPTURED")
    assert fresh(order).state == "FAILED"
    assert StartHandle.objects.get(order_number=order.number).state == "ended"
    assert world.claim(world.station.certificate()).state == "CREATED"


def test_a_timeout_that_comes_after_the_news_of_the_charge_changes_nothing(world):
    order = world.claimed()
    asked = StartHandle.objects.get().requested_at
    starting.time_out(at=asked + timedelta(minutes=5))
    world.station.start(
        order.number,
        asked + timedelta(seconds=10),
        told_at=asked + timedelta(minutes=6),
    )
    drain()
    assert fresh(order).state == "CHARGING"
    assert Order.objects.count() == 1


def test_a_free_order_that_is_cancelled_has_no_hold_to_give_back(world):
    tariffs.tariff(world.operator, tariffs.component(price="0"), code="FREE")
    order = start(world, charge_point=world.station.identity)
    ordering.stop_for_driver(
        driver_id=world.driver.pk, number=order.number, at=timezone.now()
    )
    order = fresh(order)
    assert (order.state, order.payment_state) == ("CANCELLED", "NONE")
    assert StartHandle.objects.get().state == "cancelled"
