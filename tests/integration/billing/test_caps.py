"""Spending caps of accounts: per charge, day and month, in every way to start."""

from datetime import timedelta

import pytest

from billing.models import Order
from billing.services import caps
from billing.services.terms import UnableToPlaceOrder
from charge_points.models import Command, IdToken
from cpms.accounts.models import Driver
from tests.factories import network
from tests.integration.billing.world import fresh
from tests.outbox import drain


def cap(world, **values):
    Driver.objects.filter(pk=world.driver.pk).update(cap_currency="EUR", **values)
    world.driver.refresh_from_db()


def left(world, at):
    found = caps.left(
        world.driver, None, currency="EUR", time_zone="Europe/Berlin", at=at
    )
    return {each.of: each.amount_minor for each in found}


@pytest.mark.parametrize("period", ["day", "month"])
def test_a_cap_that_is_used_up_refuses_the_next_charge(world, period):
    cap(world, **{f"{period}_cap_minor": 600})
    order, charge = world.charging()
    assert order.hold_minor == 600
    world.finish(charge)
    assert fresh(order).amount_minor == 595
    Order.objects.update(amount_minor=600)
    with pytest.raises(UnableToPlaceOrder) as refusal:
        world.claim(world.station.certificate())
    assert (refusal.value.code, refusal.value.status) == ("spending_cap_reached", 402)


def test_holds_count_until_there_is_a_price(world):
    cap(world, day_cap_minor=6000)
    world.claimed()
    other = world.claim(world.station.certificate(evse=2))
    assert other.hold_minor == 1000


def test_what_was_cancelled_does_not_count(world):
    cap(world, day_cap_minor=5000)
    order = world.claimed()
    Order.objects.filter(pk=order.pk).update(state="CANCELLED")
    assert left(world, order.created_at) == {"the account's cap for a day": 5000}


def test_a_day_is_the_places_own_and_a_month_is_longer(world):
    cap(world, day_cap_minor=5000, month_cap_minor=9000)
    order = world.claimed()
    # 23:30 UTC of the last of January is the first of February in Berlin.
    january = order.created_at.replace(month=1, day=31, hour=22, minute=30)
    Order.objects.update(created_at=january)
    names = ("the account's cap for a day", "the account's cap for a month")
    assert left(world, january + timedelta(minutes=5)) == dict(
        zip(names, (0, 4000), strict=True)
    )
    assert left(world, january + timedelta(hours=1)) == dict(
        zip(names, (5000, 9000), strict=True)
    )


def test_a_cap_of_another_currency_caps_nothing_here(world):
    Driver.objects.update(cap_currency="CHF", day_cap_minor=1)
    world.driver.refresh_from_db()
    assert world.claimed().hold_minor == 5000


def test_a_token_start_beyond_the_cap_is_stopped_and_blames_no_card(world):
    cap(world, day_cap_minor=600)
    order, charge = world.charging()
    world.finish(charge)
    Order.objects.filter(pk=order.pk).update(amount_minor=600)
    world.station.start(network.token("CARD", driver=world.driver))
    drain()
    second = Order.objects.exclude(pk=order.pk).get()
    assert "cap for a day" in second.failure_reason
    assert second.payment_state == "NONE"
    assert Command.objects.filter(intent="stop").count() == 1
    assert IdToken.objects.get().account_state == "ok"
