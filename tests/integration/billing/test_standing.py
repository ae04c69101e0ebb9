"""Accounts that may not charge are refused before energy flows, however they start."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import Order
from billing.services import caps, ordering, standing
from billing.tasks import refresh_standing
from charge_points.models import Command, IdToken
from charge_points.services import authorization
from cpms.accounts.models import Driver
from settlement.models import PayeeAccount, PaymentAttempt, Receivable
from settlement.services import receivables
from tests.factories import accounts, network
from tests.integration.billing.test_caps import cap
from tests.integration.billing.world import API, CLAIM, ago, api, fresh
from tests.outbox import drain

CARD = "CARD1"


@pytest.fixture
def card(world):
    return network.token(CARD, driver=world.driver)


def authorize(world):
    return authorization.authorize(
        **world.station.who, token=CARD, at=timezone.now()
    ).status


def owe(world, energy_wh=10_000):
    """A charge by card that nothing could be taken for; the card works again."""
    world.card("insufficient_funds")
    charge = world.station.start(CARD)
    drain()
    world.finish(charge, energy_wh)
    debt = Receivable.objects.get()
    accounts.add_card(world.person, "pm_card_mastercard")
    drain()
    return debt


def spend(world, minor):
    """A closed charge of this price."""
    order, charge = world.charging()
    world.finish(charge)
    Order.objects.filter(pk=order.pk).update(amount_minor=minor)
    standing.refresh(world.driver.pk, at=timezone.now())
    return fresh(order)


def remote_start(world):
    return ordering.start_for_driver(
        driver_id=world.driver.pk,
        target=ordering.Target(charge_point=world.station.identity),
        at=timezone.now(),
    )


@pytest.mark.parametrize("period", ["day", "month"])
def test_a_card_whose_cap_is_used_up_is_refused_at_authorize(world, card, period):
    cap(world, **{f"{period}_cap_minor": 600})
    assert authorize(world) == "Accepted"
    spend(world, 600)
    assert authorize(world) == "Blocked"
    charge = world.station.start(CARD)
    assert charge.status == "Blocked"
    drain()
    assert Order.objects.count() == 1


def test_the_price_itself_uses_a_cap_up_without_a_sweep(world, card):
    cap(world, day_cap_minor=595)
    order, charge = world.charging()
    assert authorize(world) == "Accepted", "its own charge still runs"
    world.finish(charge, 10_000)
    assert fresh(order).amount_minor == 595
    assert authorize(world) == "Blocked"


def test_a_cap_of_a_vehicle_leaves_the_cards_of_its_account_alone(world, card):
    car = accounts.vehicle(world.person)
    type(car.row).objects.filter(pk=car.row.pk).update(
        cap_currency="EUR", day_cap_minor=1
    )
    spend(world, 600)
    assert authorize(world) == "Accepted"


def test_tomorrow_the_cap_of_a_day_lets_the_card_in_again(world, card):
    cap(world, day_cap_minor=600)
    order = spend(world, 600)
    assert authorize(world) == "Blocked"
    assert refresh_standing() == 0
    Order.objects.filter(pk=order.pk).update(
        created_at=ago(days=1, hours=1), moved_at=ago(days=1)
    )
    assert refresh_standing() == 1
    assert authorize(world) == "Accepted"


@pytest.mark.parametrize(
    ("zone", "used_up"), [("Europe/Berlin", True), ("Europe/London", False)]
)
def test_a_day_of_a_cap_is_one_of_the_place_of_the_latest_charge(world, zone, used_up):
    """Half past eleven in London is half past twelve, tomorrow, in Berlin."""
    cap(world, day_cap_minor=600)
    order = spend(world, 600)
    began = order.created_at.replace(month=1, day=31, hour=23, minute=30)
    Order.objects.update(created_at=began, time_zone=zone)
    found = caps.used_up(world.driver, at=began + timedelta(minutes=40))
    assert (found is not None) is used_up


def test_a_raised_cap_lets_the_card_in_at_once(world, card, as_role):
    cap(world, day_cap_minor=600)
    spend(world, 600)
    assert authorize(world) == "Blocked"
    with as_role("app"):
        client = api(world.person.headers)
        told = client.get(f"{API}/driver/me").json()["obstacle"]
        answer = client.patch(
            f"{API}/driver/me",
            {"day_cap_minor": 900, "cap_currency": "EUR"},
            content_type="application/json",
        )
    assert told["code"] == "spending_cap_reached"
    assert "the account's cap for a day" in told["message"]
    assert answer.json()["obstacle"] is None
    assert authorize(world) == "Accepted"


def test_an_open_debt_refuses_the_card_although_a_new_one_was_saved(world, card):
    owe(world)
    assert Driver.objects.get(pk=world.driver.pk).can_pay
    assert authorize(world) == "Blocked"


@pytest.mark.parametrize("way", ["claim", "remote_start", "vehicle"])
def test_an_open_debt_refuses_every_start_before_the_card_is_asked(
    world, card, way, as_role
):
    debt = owe(world)
    asked = PaymentAttempt.objects.count()
    certificate = world.station.certificate()
    body = {"certificate": certificate.jws}
    headers = world.person.headers
    path = CLAIM
    if way == "vehicle":
        car = accounts.vehicle(world.person)
        body["proof"] = car.proof(certificate.jti, world.station.identity)
        headers = {}
    elif way == "remote_start":
        path, body = f"{API}/driver/orders", {"charge_point": world.station.identity}
    with as_role("app"):
        answer = api(headers).post(path, body, content_type="application/json")
    told = answer.json()
    assert (answer.status_code, told["code"]) == (402, "debt_open")
    assert debt.order_number in told["detail"]
    assert told["pay_url"] in told["detail"]
    assert PaymentAttempt.objects.count() == asked
    assert Order.objects.count() == 1
    assert not Command.objects.filter(intent="start").exists()


def test_a_paid_debt_lets_account_and_card_in_again(world, card):
    debt = owe(world)
    receivables.collect(receivable_id=debt.pk, at=timezone.now())
    drain()
    assert Receivable.objects.get().state == "paid"
    assert authorize(world) == "Accepted"
    assert remote_start(world).state == "CREATED"


def test_a_debt_that_is_given_up_lets_the_card_in_at_the_next_sweep(world, card):
    debt = owe(world)
    receivables.write_off(receivable_id=debt.pk, by="clerk", at=timezone.now())
    assert refresh_standing() == 1
    assert authorize(world) == "Accepted"


def test_a_debt_of_an_operator_that_could_not_be_paid_blames_nobody(world, card):
    PayeeAccount.objects.update(charges_enabled=False)
    charge = world.station.start(CARD)
    drain()
    world.finish(charge)
    assert Receivable.objects.get().driver_id == world.driver.pk
    PayeeAccount.objects.update(charges_enabled=True)
    assert refresh_standing() == 0
    assert authorize(world) == "Accepted"
    assert remote_start(world).state == "CREATED"


def test_a_debt_that_is_too_small_to_be_paid_keeps_nobody_out(world, card):
    assert owe(world, energy_wh=500).amount_minor == 30
    assert refresh_standing() == 0
    assert authorize(world) == "Accepted"


def test_a_card_made_for_an_account_that_owes_is_refused_at_the_next_sweep(world, card):
    owe(world)
    network.token("CARD2", driver=world.driver)
    assert refresh_standing() == 1
    assert IdToken.objects.get(token="CARD2").account_state == "blocked"


def test_a_driver_without_card_is_told_so(world):
    person = accounts.driver()
    found = standing.obstacle(person.driver, at=timezone.now())
    assert found is not None
    assert found.code == "no_payment_method"
