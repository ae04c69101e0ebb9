"""Many at once: one claim wins, one order a charge, numbers without gaps."""

import psycopg2
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone

from billing import subscribers
from billing.models import Cdr, Order, Receipt, UsedProof
from billing.services import guests, moves, ordering, paying, rating
from charge_points.models import ChargingCertificate, StartHandle
from cpms.accounts.models import Driver, Vehicle
from cpms.accounts.services import vehicle_sharing
from cpms.embedded import ensure_postgres
from cpms.outbox import Event
from cpms.outbox.delivery import claim_due, deliver
from cpms.outbox.models import Delivery, EventRecord
from settlement.models import LedgerEntry, Payment
from tests.concurrency.charge_points.racing import race
from tests.factories import accounts, network, tariffs
from tests.integration.billing.world import CLAIM, MINUTE, api
from tests.outbox import drain

pytestmark = pytest.mark.integration
RUNNERS = 6


def errors(results):
    return [result for result in results if isinstance(result, Exception)]


def codes(results):
    return [getattr(error, "code", repr(error)) for error in errors(results)]


def test_of_many_vehicles_one_gets_the_certificate(world):
    issued = world.station.certificate()
    cars = [
        accounts.vehicle(accounts.driver_with_card(), label=str(number))
        for number in range(RUNNERS)
    ]

    def claim(car):
        proof = car.proof(issued.jti, world.station.identity)
        return lambda: world.claim(issued, proof=proof, driver_id=None)

    results = race(*map(claim, cars))
    winners = [r for r in results if isinstance(r, Order)]
    assert len(winners) == 1
    assert set(codes(results)) == {"certificate_already_claimed"}
    assert Order.objects.get() == winners[0]
    assert ChargingCertificate.objects.get().order_number == winners[0].number
    assert (UsedProof.objects.count(), Payment.objects.count()) == (1, 1)


def test_one_proof_is_used_once(world):
    car = accounts.vehicle(world.person)
    issued = world.station.certificate()
    proof = car.proof(issued.jti, world.station.identity)
    results = race(
        *[lambda: world.claim(issued, proof=proof, driver_id=None)] * RUNNERS
    )
    assert len(errors(results)) == RUNNERS - 1
    assert set(codes(results)) <= {"proof_replayed", "certificate_already_claimed"}
    assert Order.objects.count() == 1


def test_one_connector_takes_one_order(world):
    people = [accounts.driver_with_card() for _ in range(RUNNERS)]
    target = ordering.Target(charge_point=world.station.identity)

    def start(person):
        return lambda: ordering.start_for_driver(
            driver_id=person.driver.pk, target=target, at=timezone.now()
        )

    results = race(*map(start, people))
    assert codes(results) == ["connector_busy"] * (RUNNERS - 1)
    assert StartHandle.objects.count() == Order.objects.count() == 1


def test_the_same_request_many_times_is_one_order(world):
    """Over the web with one idempotency key, as the web's role."""
    car = accounts.vehicle(world.person)
    issued = world.station.certificate()
    proof = car.proof(issued.jti, world.station.identity)
    cache.clear()

    def post():
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE cpms_app")
        answer = api({"Idempotency-Key": "k"}).post(
            CLAIM,
            {"certificate": issued.jws, "proof": proof},
            content_type="application/json",
        )
        return answer.status_code, answer.json().get("code", "")

    results = race(*[post] * RUNNERS)
    assert not errors(results)
    assert (201, "") in results
    assert set(results) <= {(201, ""), (409, "idempotency_in_progress")}
    assert Order.objects.count() == 1


def begun(charge):
    row = EventRecord.objects.get(
        topic="TransactionStarted", key=f"transaction:{charge.transaction_id}"
    )
    return Event(
        row.pk, row.topic, row.operator_id, row.key, row.payload, row.created_at
    )


def test_a_charge_has_one_order_however_many_hear_of_it(world):
    charge = world.station.start(network.token(driver=world.driver))
    event = begun(charge)

    def hear():

        with transaction.atomic():
            subscribers.on_charge([event])

    results = race(*[hear] * RUNNERS)
    assert all("one_order_per_transaction" in str(e) for e in errors(results))
    order = Order.objects.get()
    assert charge.row.order_number == order.number
    assert Payment.objects.get().order_number == order.number


def test_workers_that_deliver_everything_at_once_price_and_pay_once(world):
    charges = []
    for number in range(4):
        station = network.station(world.operator)
        charge = station.start(network.token(driver=world.driver, text=f"T{number}"))
        charge.stop(10_000, charge.started_at + 30 * MINUTE)
        charges.append(charge)

    def work():
        for _ in range(60):
            Delivery.objects.filter(state="pending").update(due_at=timezone.now())
            for name, ids in claim_due(limit=3).items():
                for pk in ids:
                    deliver(name, [pk])

    race(*[work] * 4)
    drain()
    orders = Order.objects.all()
    assert {(o.state, o.payment_state) for o in orders} == {("CLOSED", "CAPTURED")}
    assert orders.count() == Cdr.objects.count() == 4
    assert LedgerEntry.objects.filter(source="payment.capture").count() == 4
    assert world.books()["captured_minor"] == 4 * 595
    numbers = sorted(Receipt.objects.values_list("number", flat=True))
    assert numbers == [1, 2, 3, 4]


def test_receipts_are_numbered_without_gaps_even_when_some_fail(world):
    """A refused or killed worker gives its number back."""
    orders = []
    for number in range(RUNNERS):
        station = network.station(world.operator)
        charge = station.start(network.token(driver=world.driver, text=f"T{number}"))
        charge.stop(1000, charge.started_at + 30 * MINUTE)
        drain()
        orders.append(Order.objects.get(transaction_id=charge.transaction_id))
    # As if none of them had been closed yet.
    connection.close()
    numbers = [order.number for order in orders]
    _forget_receipts()

    def close(number, *, killed):
        def deed():
            with transaction.atomic():
                order = moves.lock(number)
                cause = moves.Cause("test", "test", timezone.now())
                rating.close(order, cause=cause)
                if killed:
                    raise RuntimeError("killed")

        return deed

    results = race(
        *[close(n, killed=place % 2 == 1) for place, n in enumerate(numbers)]
    )
    assert len(errors(results)) == RUNNERS // 2
    given = sorted(Receipt.objects.values_list("number", flat=True))
    assert given == list(range(1, RUNNERS // 2 + 1))


def _forget_receipts():
    """Back to RATED; receipts are append-only for everybody but a superuser."""

    name = connection.settings_dict["NAME"]
    base = ensure_postgres(settings.CPMS_HOME).superuser
    with psycopg2.connect(base, dbname=name) as raw, raw.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM billing_receipt")
        cursor.execute("UPDATE billing_receiptcounter SET last = 0")
        cursor.execute("UPDATE billing_order SET state = 'RATED'")
    raw.close()


def test_a_stop_and_the_answer_of_the_bank_leave_no_hold_behind(world):
    """The driver gives up at the very moment at which the hold stands."""
    order = world.claim(world.station.certificate())
    drain()
    Order.objects.update(state="CREATED")
    StartHandle.objects.update(requested_at=None)
    results = race(
        lambda: ordering.stop_for_driver(
            driver_id=world.driver.pk, number=order.number, at=timezone.now()
        ),
        lambda: _authorized(order.number),
    )
    assert not errors(results)
    drain()
    order.refresh_from_db()
    assert (order.state, order.payment_state) == ("CANCELLED", "RELEASED")


def _authorized(number):
    with transaction.atomic():
        paying.payment_changed(number, at=timezone.now())


def test_a_cap_holds_when_many_charges_start_at_once(world):
    """Six starts at six connectors share what the day leaves: 12 euros."""
    Driver.objects.update(day_cap_minor=1200, cap_minor=500, cap_currency="EUR")
    stations = [network.station(world.operator) for _ in range(RUNNERS)]

    def start(station):
        target = ordering.Target(charge_point=station.identity)
        return lambda: ordering.start_for_driver(
            driver_id=world.driver.pk, target=target, at=timezone.now()
        )

    results = race(*map(start, stations))
    holds = sorted(order.hold_minor for order in Order.objects.all())
    assert holds == [200, 500, 500]
    assert codes(results) == ["spending_cap_reached"] * (RUNNERS - 3)


def test_of_many_guests_at_one_label_one_gets_the_connector(world):
    """Free of charge, so that nobody waits at a payment page."""
    tariffs.tariff(
        world.operator,
        tariffs.component(price="0"),
        code="FREE",
        charge_point=world.station.identity,
    )
    world.station.status("preparing")
    code = world.station.connector().code

    def start():
        return guests.start(code=code, locale="en", email=None, at=timezone.now())

    results = race(*[start] * RUNNERS)
    won = [r for r in results if isinstance(r, guests.GuestStart)]
    assert len(won) == 1
    assert set(codes(results)) <= {"connector_busy", "certificate_already_claimed"}
    assert Order.objects.get().number == won[0].order_number
    assert StartHandle.objects.get().state == "pending"


def test_a_vehicle_changes_hands_once(world):
    car = accounts.vehicle(world.person)
    offer = vehicle_sharing.offer_transfer(
        driver_id=world.driver.pk, vehicle_id=car.row.pk, at=timezone.now()
    )
    people = [accounts.driver() for _ in range(RUNNERS)]

    def accept(person):
        return lambda: vehicle_sharing.accept_transfer(
            driver_id=person.driver.pk, code=offer.code, label="x", at=timezone.now()
        )

    results = race(*map(accept, people))
    assert len(errors(results)) == RUNNERS - 1
    assert set(codes(results)) == {"transfer_code_invalid"}
    assert Vehicle.objects.filter(status="active").count() == 1
