"""Many workers at once: one hold, one capture, one posting."""

import random
import threading

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from cpms.outbox.models import EventRecord
from settlement.models import (
    LedgerEntry,
    LedgerLine,
    LedgerSeal,
    Payment,
    PaymentAttempt,
    Receivable,
)
from settlement.services import (
    attempts,
    holds,
    ledger,
    payments,
    receivables,
    sealing,
    webhooks,
)
from settlement.services.ledger import Posting
from settlement.services.payments import (
    UnableToCapture,
    UnableToRefund,
    UnableToRelease,
)
from tests.integration.settlement.shop import proved, settle, topics
from tests.integration.settlement.world import AT, make_operator
from tests.outbox import drain

pytestmark = pytest.mark.integration
WORKERS = 6


def together(*jobs):
    """Run the jobs at the same moment; returns what each returned or raised."""
    start = threading.Barrier(len(jobs))
    results = [None] * len(jobs)

    def run(place, job):
        try:
            start.wait()
            results[place] = job()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[place] = error
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=run, args=(place, job))
        for place, job in enumerate(jobs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "deadlock"
    return results


def perform(attempt_id):
    return lambda: attempts.perform_attempt(attempt_id, at=timezone.now())


def test_many_workers_make_one_hold(shop, transactional_db):
    view = shop.open()
    attempt = PaymentAttempt.objects.get()

    results = together(*[perform(attempt.pk)] * WORKERS)

    assert sum(result is None for result in results) >= 1
    assert not [r for r in results if isinstance(r, Exception)]
    assert shop.payment(view).state == "AUTHORIZED"
    assert topics(view.order_number) == ["PaymentAuthorized"]
    intents = [
        c
        for c in shop.psp.calls("payment_intents")
        if c["method"] == "POST" and c["status"] == 200
    ]
    assert len(intents) == 1


def test_many_workers_take_the_money_once(shop):
    payment = shop.hold()
    payments.request_capture(
        payment_id=payment.pk, amount_minor=1001, at=timezone.now()
    )
    attempt = PaymentAttempt.objects.get(kind="capture")

    together(*[perform(attempt.pk)] * WORKERS)

    assert shop.payment(payment).state == "CAPTURED"
    assert shop.books()["captured_minor"] == 1001
    assert LedgerEntry.objects.filter(source="payment.capture").count() == 1
    proved()


def test_many_requests_are_one_capture(shop):
    payment = shop.hold()

    def ask(amount):
        return lambda: payments.request_capture(
            payment_id=payment.pk, amount_minor=amount, at=timezone.now()
        )

    results = together(ask(700), ask(700), ask(700), ask(800), ask(800))

    refused = [r for r in results if isinstance(r, Exception)]
    assert {type(r) for r in refused} == {UnableToCapture}
    assert len(refused) in {2, 3}
    assert PaymentAttempt.objects.filter(kind="capture").count() == 1
    drain()
    assert shop.payment(payment).captured_minor in {700, 800}


def test_a_capture_and_a_release_do_not_both_happen(shop):
    for _ in range(4):
        payment = shop.hold()
        results = together(
            lambda p=payment: payments.request_capture(
                payment_id=p.pk, amount_minor=700, at=timezone.now()
            ),
            lambda p=payment: payments.request_release(
                payment_id=p.pk, reason="x", at=timezone.now()
            ),
        )
        assert all(
            isinstance(r, UnableToRelease) or not isinstance(r, Exception)
            for r in results
        )
        settle()
        payment = shop.payment(payment)
        assert payment.state in {"CAPTURED", "RECEIVABLE"}
        intent = shop.intent(payment)
        assert intent.amount_received_minor == payment.captured_minor
    proved()


def test_an_order_is_opened_once(shop):
    results = together(*[lambda: shop.open(order_number="A" * 20)] * WORKERS)

    assert {r.id for r in results} == {Payment.objects.get().pk}
    assert PaymentAttempt.objects.count() == 1


def test_a_debt_is_booked_once(shop):
    def book():
        return payments.book_receivable(
            operator_id=shop.operator.pk,
            order_number="B" * 20,
            currency="EUR",
            amount_minor=640,
            driver_id=shop.driver.pk,
            payee=None,
            split=None,
            at=timezone.now(),
        )

    results = together(*[book] * WORKERS)

    assert not [r for r in results if isinstance(r, Exception)]
    assert Receivable.objects.count() == 1
    proved()


def test_refunds_at_once_never_give_back_more_than_was_taken(shop):
    payment = shop.captured(1000)

    def refund(number):
        return lambda: payments.request_refund(
            payment_id=payment.pk,
            amount_minor=600,
            reason="x",
            refund_application_fee=True,
            key=f"r{number}",
            by="x",
            at=timezone.now(),
        )

    results = together(*[refund(n) for n in range(WORKERS)])

    assert sum(isinstance(r, UnableToRefund) for r in results) == WORKERS - 1
    drain()
    assert shop.books()["refunded_minor"] == 600
    proved()


def test_a_debt_is_collected_once(shop):
    shop.card("insufficient_funds")
    shop.captured(640)
    shop.card("succeed")
    debt = Receivable.objects.get()

    together(
        *[lambda: receivables.collect(receivable_id=debt.pk, at=timezone.now())]
        * WORKERS
    )
    settle()

    assert shop.books()["captured_minor"] == 640
    debt.refresh_from_db()
    assert debt.state == "paid"
    proved()


def test_events_sweeps_and_workers_agree(shop):
    """Everything that may touch a payment does so at the same time."""
    orders = [shop.hold() for _ in range(3)]
    for payment in orders:
        payments.request_capture(
            payment_id=payment.pk, amount_minor=900, at=timezone.now()
        )
    ids = list(
        PaymentAttempt.objects.filter(kind="capture").values_list("pk", flat=True)
    )

    def poll():
        webhooks.poll(payee_account_id=shop.account.pk, at=timezone.now())

    jobs = [perform(pk) for pk in ids]
    jobs += [perform(pk) for pk in ids]
    jobs += [
        lambda p=p: holds.refresh(payment_id=p.pk, at=timezone.now()) for p in orders
    ]
    jobs += [poll, poll]
    random.Random(1).shuffle(jobs)

    results = together(*jobs)
    settle()

    assert not [r for r in results if isinstance(r, Exception)]
    assert shop.books()["captured_minor"] == 2700
    captured = EventRecord.objects.filter(topic="PaymentCaptured")
    assert captured.count() == 3
    proved()


def test_the_same_posting_from_many_sides_is_posted_once(transactional_db):
    operator = make_operator("one").pk
    batch = [
        Posting(
            operator_id=operator,
            source="test",
            key=f"k{number}",
            effective_at=AT,
            lines=(("bank", "EUR", 5), (f"payable:p{number % 7}", "EUR", -5)),
        )
        for number in range(50)
    ]

    def post(seed):
        def job():
            mine = sorted(batch, key=lambda p: p.key)
            random.Random(seed).shuffle(mine)
            for start in range(0, 50, 10):
                ledger.post_many(mine[start : start + 10])

        return job

    results = together(*[post(seed) for seed in range(WORKERS)])

    assert not [r for r in results if isinstance(r, Exception)], results
    assert LedgerEntry.objects.count() == 50
    assert LedgerLine.objects.count() == 100
    proved()


def test_sealing_while_posting_leaves_nothing_out(transactional_db):
    operator = make_operator("one").pk
    done = threading.Event()

    def post(worker):
        def job():
            for number in range(40):
                with transaction.atomic():
                    ledger.post(
                        operator_id=operator,
                        source="test",
                        key=f"{worker}-{number}",
                        effective_at=AT,
                        lines=[("bank", "EUR", 5), ("refunds", "EUR", -5)],
                    )

        return job

    def seal():
        while not done.is_set():
            sealing.seal_all(at=AT)

    sealer = threading.Thread(target=lambda: (seal(), connection.close()))
    sealer.start()
    together(*[post(worker) for worker in range(4)])
    done.set()
    sealer.join(60)
    sealing.seal_all(at=AT)

    assert sum(LedgerSeal.objects.values_list("entries", flat=True)) == 160
    proved()


def test_two_sealers_do_not_seal_twice(transactional_db):
    operator = make_operator("one").pk
    for number in range(5):
        ledger.post(
            operator_id=operator,
            source="test",
            key=f"k{number}",
            effective_at=AT,
            lines=[("bank", "EUR", 5), ("refunds", "EUR", -5)],
        )

    results = together(*[lambda: sealing.seal_all(at=AT)] * WORKERS)

    assert not [r for r in results if isinstance(r, Exception)], results
    assert sum(results) == 5
    proved()
