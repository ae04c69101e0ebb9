"""Numbers without gaps are drawn last: whoever draws one keeps others waiting."""

import re
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.models import Order, Receipt
from billing.services import moves, rating, receipts
from tests.factories import network
from tests.integration.billing.world import fresh, make_world
from tests.outbox import drain

DRAWN = re.compile(r"billing_receiptcounter.*?VALUES \((\d+), (\d+)\)", re.DOTALL)
HALF_AN_HOUR = timedelta(minutes=30)
CAUSE = moves.Cause("test", "test", timezone.now())


def end_together(*worlds):
    """A charge at each, all told between two rounds of the worker."""
    charges = []
    for world in worlds:
        station = network.station(world.operator)
        charges.append(station.start(network.token(driver=world.driver)))
    drain()
    for charge in charges:
        charge.stop(1000, charge.started_at + HALF_AN_HOUR)
    with CaptureQueriesContext(connection) as seen:
        drain()
    return [query["sql"] for query in seen.captured_queries]


def drawn(statements):
    """(place in the statements, operator, how many) of each draw."""
    found = [(place, DRAWN.search(text)) for place, text in enumerate(statements)]
    return [(place, *map(int, match.groups())) for place, match in found if match]


@pytest.mark.parametrize("price", ["0", "0.50"])
def test_a_batch_draws_once_for_each_operator_in_one_order(psp, db, price):
    """Two batches that drew in different orders would wait for each other."""
    first, second = make_world(psp, price=price), make_world(psp, price=price)
    found = drawn(end_together(second, first, second, first, second))
    assert [draw[1:] for draw in found] == [
        (first.operator.pk, 2),
        (second.operator.pk, 3),
    ]
    assert {order.state for order in Order.objects.all()} == {"CLOSED"}
    assert sorted(Receipt.objects.values_list("operator_id", "number")) == [
        (first.operator.pk, 1),
        (first.operator.pk, 2),
        (second.operator.pk, 1),
        (second.operator.pk, 2),
        (second.operator.pk, 3),
    ]


@pytest.mark.parametrize("price", ["0", "0.50"])
def test_nothing_but_receipts_is_written_while_a_number_is_held(psp, db, price):
    world = make_world(psp, price=price)
    statements = end_together(world, world, world)
    (place, _, many) = drawn(statements)[0]
    assert many == 3
    until = next(i for i in range(place, len(statements)) if "RELEASE" in statements[i])
    written = [s for s in statements[place + 1 : until] if s.startswith("INSERT")]
    assert len(written) == 1
    assert '"billing_receipt"' in written[0]


def test_orders_are_locked_together_before_one_is_moved(psp, db):
    """By operator, and in one order, whatever the order of the events."""
    first, second = make_world(psp, price="0"), make_world(psp, price="0")
    statements = end_together(second, first)
    locks = [s for s in statements if "FOR UPDATE" in s and '"billing_order"' in s]
    assert 'ORDER BY "billing_order"."operator_id" ASC' in locks[0]
    ids = Order.objects.values_list("transaction_id", flat=True)
    assert all(str(each) in locks[0] for each in ids), locks[0]


def finish(order, charge):
    """As the end of a charge does, inside the caller's database transaction."""
    ends_at = charge.started_at + HALF_AN_HOUR
    charge.stop(1000, ends_at)
    locked = moves.lock(order.number)
    moves.move(locked, "FINISHED", cause=CAUSE)
    assert rating.rate_if_complete(locked, at=ends_at)
    return locked


class Taken(Exception):
    """What takes a close back."""


def close_and_fail(order):
    with transaction.atomic():
        rating.close(order, cause=CAUSE)
        raise Taken


def test_a_close_that_is_taken_back_inside_a_batch_writes_no_receipt(world):
    order, charge = world.charging()
    with transaction.atomic(), receipts.numbered_last():
        locked = finish(order, charge)
        with pytest.raises(Taken):
            close_and_fail(locked)
    assert fresh(order).state == "RATED"
    assert not Receipt.objects.exists()


def batch_that_fails(order, charge):
    with transaction.atomic(), receipts.numbered_last():
        rating.close(finish(order, charge), cause=CAUSE)
        raise Taken


def test_an_error_in_a_batch_leaves_no_receipt_for_the_next_one(world):
    order, charge = world.charging()
    with pytest.raises(Taken):
        batch_that_fails(order, charge)
    with transaction.atomic(), receipts.numbered_last():
        finish(order, charge)
    assert not Receipt.objects.exists()


def test_who_asks_for_the_receipt_inside_a_batch_gets_it(psp, db):
    """A late fact in the same batch must find the receipt that it corrects."""
    world = make_world(psp, price="0")
    order, charge = world.charging()
    with transaction.atomic(), receipts.numbered_last():
        locked = finish(order, charge)
        assert not Receipt.objects.exists()
        receipt = receipts.latest(locked)
        assert receipt.number == 1
        assert receipts.issue(locked, at=timezone.now()) == receipt
    assert Receipt.objects.count() == 1
