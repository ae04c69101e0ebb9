import pytest
from django.db import connection, transaction

from cpms.outbox import RetryLater, publish, subscriber
from cpms.outbox.delivery import ATTEMPTS_MAX, claim_due, deliver, replay
from cpms.outbox.models import Delivery, EventRecord
from cpms.outbox.relay import relay_once
from tests.outbox import drain

heard: list = []
failures: dict = {}


@subscriber("tests.batch", topics=["TestHappened"], batch_max=10)
def _hear(events):
    for event in events:
        if failures.get(event.key, 0):
            failures[event.key] -= 1
            raise RuntimeError("cannot yet")
        heard.append(event.key)


@subscriber("tests.outside", topics=["TestCalledOut"], transactional=False)
def _call_out(event):
    assert not connection.in_atomic_block or event.payload.get("in_test_transaction")
    if failures.get(event.key, 0):
        failures[event.key] -= 1
        raise RetryLater(5, "provider asleep")
    heard.append(event.key)


@pytest.fixture(autouse=True)
def _forget():
    heard.clear()
    failures.clear()


def _publish(key, topic="TestHappened"):
    with transaction.atomic():
        return publish(
            topic, operator_id=None, key=key, payload={"in_test_transaction": True}
        )


def test_publish_outside_a_database_transaction_is_refused(transactional_db):
    with pytest.raises(transaction.TransactionManagementError):
        publish("TestHappened", operator_id=None, key="a", payload={})


def test_events_reach_their_subscriber_once(db):
    _publish("a")
    _publish("b")

    assert drain() == 2
    assert drain() == 0
    assert heard == ["a", "b"]
    assert set(Delivery.objects.values_list("state", flat=True)) == {"done"}


def test_an_event_vanishes_with_its_fact(transactional_db):
    def fail_after_publishing():
        with transaction.atomic():
            publish("TestHappened", operator_id=None, key="a", payload={})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_publishing()

    assert not EventRecord.objects.exists()


def test_one_bad_event_does_not_stop_its_neighbours(db):
    failures["bad"] = 2
    for key in ("a", "bad", "c"):
        _publish(key)

    (name, ids), *_ = claim_due().items()
    assert deliver(name, ids) == 2
    bad = Delivery.objects.get(state="pending")
    assert bad.attempts == 1
    assert "cannot yet" in bad.last_error

    assert drain() == 1
    assert set(heard) == {"a", "bad", "c"}


def test_retry_later_costs_no_attempt(db):
    failures["slow"] = 3
    _publish("slow", "TestCalledOut")

    for _ in range(3):
        Delivery.objects.update(due_at="2000-01-01T00:00Z")
        for name, ids in claim_due().items():
            deliver(name, ids)

    assert Delivery.objects.get().attempts == 0
    drain()
    assert heard == ["slow"]


def test_what_never_works_is_dead_and_can_be_replayed(db):
    failures["dead"] = 2 * ATTEMPTS_MAX
    _publish("dead")
    for _ in range(ATTEMPTS_MAX):
        Delivery.objects.update(due_at="2000-01-01T00:00Z")
        for name, ids in claim_due().items():
            deliver(name, ids)

    row = Delivery.objects.get()
    assert row.state == "dead"
    assert claim_due() == {}

    failures.clear()
    assert replay([row.pk]) == 1
    drain()
    assert heard == ["dead"]


def test_a_subscriber_without_code_is_buried_with_a_reason(db):
    _publish("a")
    Delivery.objects.update(subscriber="tests.gone")

    drain()

    row = Delivery.objects.get()
    assert (row.state, "tests.gone" in row.last_error) == ("dead", True)


def test_a_lease_hides_rows_from_other_relays(db):
    _publish("a")

    assert list(claim_due()) == ["tests.batch"]
    assert claim_due() == {}


def test_the_relay_hands_over_in_batches_of_the_subscriber(db):
    for number in range(25):
        _publish(f"k{number}")
    sent: list = []

    assert relay_once(lambda *args: sent.append(args)) == 25
    assert [(queue, name, len(ids)) for queue, name, ids in sent] == [
        ("default", "tests.batch", 10),
        ("default", "tests.batch", 10),
        ("default", "tests.batch", 5),
    ]
