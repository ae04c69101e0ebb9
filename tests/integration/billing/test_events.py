"""Facts late, twice, in any order: a charge always ends the same."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings, strategies as st

from billing import subscribers
from billing.models import Cdr, Order, OrderMove, Receipt
from charge_points import events as told_by_chargers
from cpms.outbox import Event, RetryLater
from cpms.outbox.delivery import deliver
from cpms.outbox.models import Delivery, EventRecord
from settlement import events as told_by_settlement
from settlement.models import LedgerLine, Payment
from tests.factories import network, tariffs
from tests.integration.billing.world import MINUTE, World, fresh
from tests.outbox import drain

ROUNDS_MAX = 30


def end_state(world: World) -> dict[str, Any]:
    """Everything that counts in the end; ids and instants do not."""
    order = Order.objects.get()
    payment = Payment.objects.get()
    return {
        "order": (order.state, order.payment_state),
        "amount": (order.amount_minor, order.energy_wh),
        "unplugged": order.unplugged_at is not None,
        "cdrs": list(Cdr.objects.values_list("amount_minor", flat=True)),
        "receipts": list(Receipt.objects.values_list("number", flat=True)),
        "payment": (payment.state, payment.captured_minor),
        "ledger": sorted(LedgerLine.objects.values_list("amount_minor", flat=True)),
        "moves": sorted(
            OrderMove.objects.exclude(to_state__startswith="payment").values_list(
                "to_state", flat=True
            )
        ),
    }


EXPECTED = {
    "order": ("CLOSED", "CAPTURED"),
    "amount": (500 + 300, 10_000),
    "unplugged": True,
    "cdrs": [800],
    "receipts": [1],
    "payment": ("CAPTURED", 800),
}


@dataclass
class Shuffled:
    """Delivers what billing hears in an order of its own, some of it twice."""

    draw: Any

    def run(self) -> None:
        for _ in range(ROUNDS_MAX):
            Delivery.objects.filter(state="pending").update(due_at=timezone.now())
            waiting = list(Delivery.objects.filter(state="pending").order_by("pk"))
            if not waiting:
                return
            for row in self.draw(st.permutations(waiting)):
                deliver(row.subscriber, [row.pk])
                self._again(row)
        raise AssertionError("The events do not come to rest.")

    def _again(self, row) -> None:
        if row.subscriber.startswith("billing.") and self.draw(st.booleans()):
            Delivery.objects.filter(pk=row.pk).update(state="pending")
            deliver(row.subscriber, [row.pk])


def the_whole_charge(world, number):
    """Start, stop and unplug, told while billing heard nothing of it."""
    charge = world.station.start(number)
    ends_at = charge.started_at + 30 * MINUTE
    charge.stop(10_000, ends_at)
    world.station.status("available", ends_at + 30 * MINUTE)


def check(world):
    found = end_state(world)
    assert {name: found[name] for name in EXPECTED} == EXPECTED
    assert sum(found["ledger"]) == 0


@pytest.fixture
def idle_world(world):
    tariffs.tariff(
        world.operator,
        tariffs.component(vat=None),
        tariffs.component("PARKING_TIME", "6", vat=None),
        code="IDLE",
    )
    return world


SLOW = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@SLOW
@given(st.data())
def test_a_charge_by_certificate_ends_alike_in_any_order_of_events(idle_world, data):

    point = transaction.savepoint()
    try:
        order = idle_world.claimed()
        the_whole_charge(idle_world, order.number)
        Shuffled(data.draw).run()
        check(idle_world)
    finally:
        transaction.savepoint_rollback(point)


@SLOW
@given(st.data())
def test_a_charge_by_token_ends_alike_in_any_order_of_events(idle_world, data):
    point = transaction.savepoint()
    try:
        the_whole_charge(idle_world, network.token(driver=idle_world.driver))
        Shuffled(data.draw).run()
        check(idle_world)
    finally:
        transaction.savepoint_rollback(point)


def test_every_event_once_more_changes_nothing(world):
    world.closed()
    before = end_state(world)
    rows = Delivery.objects.filter(subscriber__startswith="billing.")
    rows.update(state="pending", due_at=timezone.now())
    assert drain() >= 5
    assert end_state(world) == before


def test_a_2_0_1_charge_without_token_is_no_order_until_its_order_comes(world):
    order = world.claimed()
    fact = {
        "transaction_id": 4711,
        "charge_point": world.station.identity,
        "evse": 1,
        "connector": 1,
        "order_number": None,
        "id_token": "",
        "id_token_type": "",
        "started_at": timezone.now().isoformat(),
        "started_by": "pending",
        "offline": False,
        "meter_start_wh": 0,
    }
    now = timezone.now()

    def event(topic, **payload):
        return Event(1, topic, world.operator.pk, "k", {**fact, **payload}, now)

    subscribers.on_charge([event("TransactionStarted")])
    assert fresh(order).state == "STARTING"
    assert Order.objects.count() == 1
    subscribers.on_charge(
        [
            event(
                "TransactionOrderAttached",
                order_number=order.number,
                started_by="order",
            )
        ]
    )
    order = fresh(order)
    assert (order.state, order.transaction_id) == ("CHARGING", 4711)


def test_the_news_of_an_end_waits_for_its_order_longer_and_longer(world):
    now = timezone.now()
    payload = {"transaction_id": 4711, "energy_wh": 1, "ended_at": now.isoformat()}
    waits = []
    for age in (0, 10, 3600):
        told_at = now - timedelta(seconds=age)
        event = Event(1, "TransactionEnded", 1, "k", payload, told_at)
        with pytest.raises(RetryLater) as later:
            subscribers.on_charge([event])
        waits.append(round(later.value.seconds))
    assert waits == [1, 10, 300]


def test_an_unplug_without_charge_is_nobodys(world):
    payload = {"transaction_id": None, "order_number": None, "at": "2026-01-01"}
    event = Event(1, "Unplugged", 1, "k", payload, timezone.now())
    subscribers.on_charge([event])
    payload = {**payload, "transaction_id": 4711}
    subscribers.on_charge([Event(1, "Unplugged", 1, "k", payload, timezone.now())])


def test_a_refused_start_of_an_unknown_order_is_passed_over(db):
    for topic in ("StartFailed", "StartTimedOut"):
        payload = {"order_number": "0" * 20, "reason": "rejected"}
        subscribers.on_charge([Event(1, topic, 1, "k", payload, timezone.now())])
    assert not Order.objects.exists()


def test_billing_hears_every_topic_it_should(db):
    heard = {*subscribers.PAYMENT_TOPICS, *subscribers._CHARGES, subscribers.ENDED}
    about_payments = {
        value
        for name, value in vars(told_by_settlement).items()
        if name.startswith(("PAYMENT_", "RECEIVABLE_"))
    }
    assert about_payments - heard == {"PaymentMethodSaved", "PaymentHoldExpiring"}
    about_charges = {
        value
        for name, value in vars(told_by_chargers).items()
        if name.startswith(("TRANSACTION_", "START_", "UNPLUGGED"))
    }
    assert about_charges <= heard
    assert EventRecord.objects.count() == 0
