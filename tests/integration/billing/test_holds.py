"""The hold before the start, and what its failure does."""

import pytest
from django.utils import timezone

from billing.models import Order
from billing.services import ordering, paying
from billing.tasks import sweep_unpaid
from charge_points.models import ChargingCertificate, Command, IdToken, StartHandle
from charge_points.services import handles, starting
from cpms.accounts.models import Driver
from settlement.models import DriverPaymentMethod, PayeeAccount, PaymentAttempt
from settlement.services import holds
from settlement.services.payments import UnableToOpenPayment
from tests.factories import accounts, network, tariffs
from tests.integration.billing.world import ago, fresh, payment_of
from tests.outbox import drain


def test_a_declined_card_fails_the_order_and_frees_the_connector(world):
    world.card("insufficient_funds")
    order = world.claimed()
    assert (order.state, order.payment_state) == ("FAILED", "DECLINED")
    assert "declined" in order.failure_reason
    assert ChargingCertificate.objects.get().state == "failed"
    assert StartHandle.objects.get().state == "cancelled"
    assert not Command.objects.filter(intent="start").exists()


def test_a_declined_card_blocks_the_drivers_tokens_until_a_new_one_is_saved(world):
    network.token("CARD1", driver=world.driver)
    world.card("insufficient_funds")
    world.claimed()
    assert not Driver.objects.get(pk=world.driver.pk).can_pay
    assert IdToken.objects.get().account_state == "blocked"
    assert world.station.start("CARD1").status == "Blocked"
    accounts.add_card(world.person, "pm_card_mastercard")
    drain()
    assert IdToken.objects.get().account_state == "ok"


def test_a_hold_that_stands_lets_the_tokens_in_again(world):
    network.token("CARD1", driver=world.driver, account_state="blocked")
    Driver.objects.update(can_pay=False)
    world.claimed()
    assert Driver.objects.get(pk=world.driver.pk).can_pay
    assert IdToken.objects.get().account_state == "ok"


def test_a_provider_that_cannot_be_reached_blames_no_driver(world):
    network.token("CARD1", driver=world.driver)
    order = world.claim(world.station.certificate())
    payment = payment_of(order)
    payment.state, payment.decline_code = "DECLINED", "provider_unreachable"
    payment.save()
    paying.payment_changed(order.number, at=timezone.now())
    assert fresh(order).state == "FAILED"
    assert IdToken.objects.get().account_state == "ok"


def test_the_bank_asks_a_driver_who_is_there(world):
    world.card("authenticate")
    order = world.claimed()
    assert (order.state, order.payment_state) == ("CREATED", "REQUIRES_ACTION")
    assert order.action_url.startswith("http")
    reference = payment_of(order).provider_ref
    world.psp.control(
        f"payment_intents/{reference}/authenticate", {"outcome": "succeed"}
    )
    holds.refresh(payment_id=order.payment_id, at=timezone.now())
    drain()
    assert (fresh(order).state, fresh(order).payment_state) == (
        "STARTING",
        "AUTHORIZED",
    )


def test_a_driver_who_fails_at_the_bank_gets_no_energy(world):
    world.card("authenticate")
    order = world.claimed()
    reference = payment_of(order).provider_ref
    world.psp.control(f"payment_intents/{reference}/authenticate", {"outcome": "fail"})
    holds.refresh(payment_id=order.payment_id, at=timezone.now())
    drain()
    assert (fresh(order).state, fresh(order).payment_state) == ("FAILED", "DECLINED")


def test_a_vehicle_whose_bank_asks_is_declined_at_once(world):
    world.card("authenticate")
    car = accounts.vehicle(world.person)
    issued = world.station.certificate()
    order = world.claim(
        issued, proof=car.proof(issued.jti, world.station.identity), driver_id=None
    )
    drain()
    assert (fresh(order).state, fresh(order).payment_state) == ("FAILED", "DECLINED")


def test_an_unusable_address_of_the_bank_fails_the_order(world):
    order = world.claim(world.station.certificate())
    payment = payment_of(order)
    payment.state, payment.action_url = "REQUIRES_ACTION", "https://bank/" + "x" * 2000
    payment.save()
    paying.payment_changed(order.number, at=timezone.now())
    assert fresh(order).state == "FAILED"


def test_a_hold_that_nobody_confirms_is_given_up(world):
    world.card("authenticate")
    order = world.claimed()
    Order.objects.update(moved_at=ago(seconds=301))
    assert sweep_unpaid() == 1
    drain()
    order = fresh(order)
    assert (order.state, order.payment_state) == ("FAILED", "RELEASED")
    assert ChargingCertificate.objects.get().state == "failed"
    assert sweep_unpaid() == 0


def test_a_fresh_order_is_not_given_up(world):
    world.claim(world.station.certificate())
    assert sweep_unpaid() == 0


def test_a_cancelled_order_gives_its_hold_back(world):
    order = world.claimed()
    ordering.stop_for_driver(
        driver_id=world.driver.pk, number=order.number, at=timezone.now()
    )
    drain()
    order = fresh(order)
    assert (order.state, order.payment_state) == ("CANCELLED", "RELEASED")
    assert StartHandle.objects.get().state == "cancelled"
    assert world.station.start(order.number).status == "Invalid"


def test_a_hold_that_comes_after_the_cancellation_is_given_back(world):
    order = world.claim(world.station.certificate())
    attempt = PaymentAttempt.objects.get()
    attempt.tries, attempt.state = 1, "in_flight"
    attempt.save()
    ordering.stop_for_driver(
        driver_id=world.driver.pk, number=order.number, at=timezone.now()
    )
    drain()
    PaymentAttempt.objects.update(next_try_at=timezone.now())
    drain()
    order = fresh(order)
    assert (order.state, order.payment_state) == ("CANCELLED", "RELEASED")
    assert world.books().get("captured_minor", 0) == 0


def test_a_reservation_that_ran_out_meanwhile_fails_the_order(world):
    order = world.claim(world.station.certificate())
    StartHandle.objects.update(state="failed", ended_at=timezone.now())
    drain()
    order = fresh(order)
    assert (order.state, order.payment_state) == ("FAILED", "RELEASED")
    assert "make a new order" in order.failure_reason


def test_a_start_that_the_charger_refuses_gives_the_hold_back(world):
    order = world.claimed()
    handles.fail_many(
        [handles.Failure(order.number, "start_rejected")], at=timezone.now()
    )
    drain()
    order = fresh(order)
    assert (order.state, order.payment_state) == ("FAILED", "RELEASED")
    assert order.failure_reason == "start_rejected"


def test_a_start_that_nothing_follows_gives_the_hold_back(world):
    order = world.claimed()
    starting.time_out(at=timezone.now() + 2 * (timezone.now() - ago(minutes=5)))
    drain()
    order = fresh(order)
    assert (order.state, order.payment_state) == ("FAILED", "RELEASED")
    assert ChargingCertificate.objects.get().state == "failed"


def test_a_hold_that_is_lost_before_the_start_fails_the_order(world):
    order = world.claimed()
    payment = payment_of(order)
    payment.state = "RELEASED"
    payment.save()
    paying.payment_changed(order.number, at=timezone.now())
    assert fresh(order).state == "FAILED"
    assert "given back" in fresh(order).failure_reason


def test_a_hold_that_is_lost_during_the_charge_stops_it(world):
    order, charge = world.charging()
    payment = payment_of(order)
    payment.state = "RELEASED"
    payment.save()
    paying.payment_changed(order.number, at=timezone.now())
    assert charge.row.stop_requested_at is not None
    world.finish(charge)
    order = fresh(order)
    assert (order.state, order.payment_state) == ("CLOSED", "RECEIVABLE")


def test_news_of_unknown_orders_and_orders_without_payment_are_passed_over(world):
    paying.payment_changed("0" * 20, at=timezone.now())
    token = network.token(operator=world.operator)
    world.station.start(token)
    drain()
    order = Order.objects.get()
    paying.payment_changed(order.number, at=timezone.now())
    order.payment_id = 10**9
    order.save()
    paying.payment_changed(order.number, at=timezone.now())
    assert fresh(order).payment_state == "NONE"


def test_the_payment_method_must_be_usable_at_the_operator(world):
    DriverPaymentMethod.objects.update(provider="other")
    with pytest.raises(UnableToOpenPayment) as refused:
        world.claim(world.station.certificate())
    assert refused.value.code == "payment_method_not_usable"


def test_a_free_tariff_needs_no_hold(world):
    tariffs.tariff(world.operator, tariffs.component(price="0"), code="FREE")
    order = world.claim(world.station.certificate())
    assert (order.state, order.payment_state, order.payment_id) == (
        "STARTING",
        "NONE",
        None,
    )
    assert (order.hold_minor, order.energy_limit_wh, order.payee) == (0, None, None)
    world.finish(world.begin(order))
    order = fresh(order)
    assert (order.state, order.payment_state, order.amount_minor) == (
        "CLOSED",
        "NONE",
        0,
    )


def test_a_minimum_price_is_not_free(world):
    tariffs.tariff(
        world.operator,
        tariffs.component(price="0"),
        code="MIN",
        min_price={"before_taxes": 1.0},
    )
    assert world.claim(world.station.certificate()).payment_state == "AUTHORIZING"


def test_free_vend_gives_energy_away_when_the_operator_cannot_be_paid(world):
    world.operator.free_vend = True
    world.operator.save()
    PayeeAccount.objects.update(charges_enabled=False)
    order = world.claim(world.station.certificate())
    assert (order.state, order.payment_id) == ("STARTING", None)
    assert order.tariff["id"] == "FREE-VEND"
    assert order.tariff_reason.startswith("given away")
    world.finish(world.begin(order))
    assert (fresh(order).state, fresh(order).amount_minor) == ("CLOSED", 0)


def test_free_vend_changes_nothing_while_the_operator_can_be_paid(world):
    world.operator.free_vend = True
    world.operator.save()
    assert world.closed().amount_minor == 595
