"""Charges at an operator that is paid with a key of its own, in every way to start."""

import pytest
from django.utils import timezone

from billing.models import Order
from billing.services import ordering
from billing.services.terms import UnableToPlaceOrder
from charge_points.models import IdToken
from settlement.models import Payment
from settlement.services import method_pages
from tests.factories import accounts, money, network, tariffs
from tests.integration.billing.driver_requests import DRIVER, web
from tests.integration.billing.world import World, fresh, payment_of
from tests.integration.settlement.test_checkouts import browse
from tests.outbox import drain

__all__ = ["web"]


def save_card_at(account, driver):
    """The driver saves a card on the page of that very account."""
    at = timezone.now()
    page = method_pages.begin(
        driver_id=driver.pk,
        provider="stripe",
        currency="EUR",
        success_url="https://cpms.example/cards",
        cancel_url="https://cpms.example/cards",
        locale="en",
        at=at,
        operator_account=account.reference,
    )
    assert browse(page.url, card_number="4242424242424242")[0] == 303
    assert method_pages.finish(driver_id=driver.pk, page_id=page.id, at=at) is not None
    drain()


@pytest.fixture
def own(db, psp):
    """An operator with a key of its own, and a driver whose only card it knows."""
    operator = accounts.operator()
    account = money.own_key_account(psp, operator)
    tariffs.tariff(operator, tariffs.component(price="0.50", vat=19))
    person = accounts.driver()
    save_card_at(account, person.driver)
    return World(psp, operator, account, network.station(operator), person)


def assert_paid_there(own, order):
    order, payment = fresh(order), payment_of(order)
    assert (order.state, order.payment_state) == ("CLOSED", "CAPTURED")
    assert (payment.account_reference, payment.mode) == (
        own.account.reference,
        "own_key",
    )
    assert payment.captured_minor == 595


def test_a_claim_pays_with_the_card_that_only_this_operator_knows(own):
    assert_paid_there(own, own.closed())


def test_a_remote_start_pays_with_the_card_that_only_this_operator_knows(own):
    order = ordering.start_for_driver(
        driver_id=own.driver.pk,
        target=ordering.Target(charge_point=own.station.identity),
        at=timezone.now(),
    )
    drain()
    own.finish(own.begin(order))
    assert_paid_there(own, order)


def test_a_token_pays_with_the_card_that_only_this_operator_knows(own):
    charge = own.station.start(network.token(driver=own.driver))
    drain()
    own.finish(charge)
    assert_paid_there(own, Order.objects.get())


@pytest.fixture
def stranger(psp, own):
    """A driver whose card the platform knows, but not this operator."""
    own.person = accounts.driver_with_card()
    return own


def test_a_card_that_only_the_platform_knows_is_refused_with_the_way_out(stranger):
    with pytest.raises(UnableToPlaceOrder) as refused:
        stranger.claim(stranger.station.certificate())
    assert (refused.value.code, refused.value.status) == ("no_payment_method_here", 402)
    assert stranger.operator.name in refused.value.message
    assert not Order.objects.exists()


def test_a_token_without_card_here_is_stopped_and_stays_good_elsewhere(stranger):
    charge = stranger.station.start(network.token(driver=stranger.driver))
    drain()
    assert stranger.operator.name in Order.objects.get().failure_reason
    assert charge.row.stop_requested_at is not None
    assert IdToken.objects.get().account_state == "ok"
    assert not Payment.objects.exists()


def test_a_driver_sees_and_removes_the_cards_of_each_operator(own, web):
    headers = own.person.headers

    def cards():
        return web("get", f"{DRIVER}/payment-methods", headers=headers).json()

    (card,) = cards()
    assert card["operator"] == {"code": own.operator.code, "name": own.operator.name}
    assert (card["everywhere"], card["default"]) == (False, True)
    known = web("get", f"{DRIVER}/payment-methods/operators", headers=headers).json()
    assert known == [card["operator"]]
    address = f"{DRIVER}/payment-methods/{card['id']}"
    other = accounts.driver().headers
    assert web("post", f"{address}/default", headers=other).status_code == 404
    assert web("delete", address, headers=other).status_code == 204
    assert [one["id"] for one in cards()] == [card["id"]]
    assert web("post", f"{address}/default", headers=headers).json() == [card]
    assert web("delete", address, headers=headers).status_code == 204
    assert cards() == []
    with pytest.raises(UnableToPlaceOrder) as refused:
        own.claim(own.station.certificate())
    assert refused.value.code == "no_payment_method_here"
