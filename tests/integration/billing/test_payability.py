"""An operator that cannot be paid refuses drivers' tokens before energy flows."""

import pytest
from django.utils import timezone

from billing import tasks
from billing.services import payability
from charge_points.services import authorization
from settlement.services import payees
from tests.factories import accounts, network, tariffs
from tests.integration.billing.world import make_world
from tests.outbox import drain


def answer(world, token):
    return authorization.authorize(
        **world.station.who, token=token, at=timezone.now()
    ).status


@pytest.fixture
def tokens(world):
    return network.token(driver=world.driver), network.token(operator=world.operator)


def block(world, *, takes=False):
    world.psp.control(f"accounts/{world.account.reference}", {"charges_enabled": takes})
    payees.verify(payee_account_id=world.account.pk, at=timezone.now())
    drain()


def test_tokens_are_refused_beforehand_and_let_in_again(world, tokens):
    drivers, own = tokens
    block(world)
    assert (answer(world, drivers), answer(world, own)) == ("Blocked", "Accepted")
    block(world, takes=True)
    assert (answer(world, drivers), answer(world, own)) == ("Accepted", "Accepted")


def test_a_token_refused_here_is_good_at_another_operator(world, psp, tokens):
    other = make_world(psp)
    block(world)
    assert answer(world, tokens[0]) == "Blocked"
    assert answer(other, tokens[0]) == "Accepted"


def test_an_operator_without_any_account_refuses_from_the_first_sweep(db):
    operator = accounts.operator()
    tariffs.tariff(operator)
    station = network.station(operator)
    text = network.token(driver=accounts.driver().driver)
    assert tasks.refresh_payability() == 1
    assert tasks.refresh_payability() == 0
    status = authorization.authorize(**station.who, token=text, at=timezone.now())
    assert status.status == "Blocked"


@pytest.mark.parametrize(
    ("values", "price", "blocked"),
    [({}, "0.50", True), ({}, "0", False), ({"free_vend": True}, "0.50", False)],
)
def test_who_gives_away_needs_no_account(db, values, price, blocked):
    operator = accounts.operator(**values)
    tariffs.tariff(operator, tariffs.component(price=price))
    changed = payability.refresh(at=timezone.now(), operator_ids=[operator.pk])
    assert bool(changed) is blocked


def test_an_account_of_another_currency_pays_nobody(world):
    tariffs.tariff(world.operator, code="CHF", currency="CHF", charge_point="X")
    assert payability.refresh(at=timezone.now(), operator_ids=[world.operator.pk]) == 1
