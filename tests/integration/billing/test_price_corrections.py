"""Prices that a person decides, and prices that are corrected."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.models import Cdr, Receipt
from billing.services import corrections, progress, rating, reviewing
from billing.services.ordering import UnableToFindOrder
from billing.tasks import sweep_finished
from charge_points.models import Transaction
from charge_points.services import transactions
from cpms.accounts.models import AuditEntry
from cpms.kernel.errors import DomainError
from settlement.models import Correction, Payment, Receivable
from tests.factories import accounts, tariffs
from tests.integration.billing.pricing import IDLE, fact
from tests.integration.billing.world import MINUTE, ago, fresh, make_world, payment_of
from tests.outbox import drain


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
        decide(doubtful)
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
    assert not corrections.correct(order, at=now)
    rating.refresh(order)


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


@pytest.mark.parametrize(("energy_wh", "amount"), [(12_000, 714), (10_500, 625)])
def test_a_late_stop_credits_the_price_and_makes_a_new_one(
    world, estimated, energy_wh, amount
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
    assert (order.state, order.payment_state) == ("CLOSED", "CAPTURED")
    assert Payment.objects.get().captured_minor == 595
    assert Receivable.objects.get().amount_minor == amount - 595
    assert order.ended_at == charge.started_at + 30 * MINUTE


def test_a_correction_that_changes_nothing_writes_nothing(world, estimated):
    order, _ = estimated
    progress.transaction_corrected(fact(order))
    assert Cdr.objects.count() == 1
    assert fresh(order).review_reason == ""


def test_a_correction_below_the_smallest_coin_keeps_the_amount(world, estimated):
    order, _ = estimated
    Transaction.objects.update(energy_wh=Decimal(10_001))
    progress.transaction_corrected(fact(order))
    assert (Cdr.objects.count(), Receipt.objects.count()) == (3, 1)
    assert Correction.objects.count() == 0


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
