from datetime import timedelta

import pytest
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone
from structlog.testing import capture_logs

from cpms.outbox import RetryLater, publish, publish_many, subscriber
from cpms.outbox.delivery import ATTEMPTS_MAX, PATIENCE, claim_due, deliver, replay
from cpms.outbox.models import Delivery, EventRecord
from cpms.outbox.relay import QUEUE_MAX, relay_once
from cpms.outbox.tasks import RETENTION, clean
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
    with capture_logs() as told:
        for _ in range(ATTEMPTS_MAX):
            Delivery.objects.update(due_at="2000-01-01T00:00Z")
            for name, ids in claim_due().items():
                deliver(name, ids)

    row = Delivery.objects.get()
    assert row.state == "dead"
    assert claim_due() == {}
    errors = [line["event"] for line in told if line["log_level"] == "error"]
    assert errors == ["delivery_dead"]

    failures.clear()
    assert replay([row.pk]) == 1
    drain()
    assert heard == ["dead"]


def test_a_subscriber_unknown_here_is_tried_again_and_then_dead_with_a_reason(db):
    _publish("a")
    Delivery.objects.update(subscriber="tests.gone")

    drain()
    row = Delivery.objects.get()
    assert (row.state, row.attempts) == ("pending", 1)

    for _ in range(ATTEMPTS_MAX - 1):
        _try_all()

    row = Delivery.objects.get()
    assert (row.state, "tests.gone" in row.last_error) == ("dead", True)


def _try_all():
    Delivery.objects.update(due_at="2000-01-01T00:00Z")
    for name, ids in claim_due().items():
        deliver(name, ids)


def test_later_for_too_long_counts_as_failing(db):
    failures["slow"] = 2 * ATTEMPTS_MAX
    _publish("slow", "TestCalledOut")
    EventRecord.objects.update(created_at=timezone.now() - PATIENCE)

    for _ in range(ATTEMPTS_MAX):
        _try_all()

    row = Delivery.objects.get()
    assert (row.state, row.attempts) == ("dead", ATTEMPTS_MAX)
    assert "provider asleep" in row.last_error


def test_what_the_broker_refuses_is_due_again_at_once(db):
    for number in range(25):
        _publish(f"k{number}")
    sent: list = []

    def refuse_after_one(*args):
        if sent:
            raise ConnectionError("broker down")
        sent.append(args)

    with pytest.raises(ConnectionError):
        relay_once(refuse_after_one)

    assert sum(len(ids) for ids in claim_due().values()) == 15


def test_a_full_queue_leaves_its_events_in_the_outbox(db):
    _publish("a")
    sent: list = []

    def full(queue):
        return QUEUE_MAX if queue == "default" else 0

    assert relay_once(lambda *args: sent.append(args), full) == 0
    assert relay_once(lambda *args: sent.append(args), lambda _: 1) == 1


def test_two_events_are_written_whatever_their_subscribers(db):
    with transaction.atomic():
        assert publish_many([]) == []
        ids = publish_many(
            [("TestHappened", None, "a", {}), ("Unheard", None, "b", {})]
        )

    assert [EventRecord.objects.get(pk=pk).key for pk in ids] == ["a", "b"]
    assert Delivery.objects.count() == 1


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match=r"tests\.batch"):
        subscriber("tests.batch", topics=["X"])(print)


def test_a_delivery_that_another_worker_has_is_passed_over(db):
    _publish("a")
    _publish("out", "TestCalledOut")
    rows = {row.subscriber: row.pk for row in Delivery.objects.all()}
    assert drain() == 2

    assert deliver("tests.batch", [rows["tests.batch"]]) == 0
    assert deliver("tests.outside", [rows["tests.outside"]]) == 0
    assert heard == ["a", "out"]


def test_old_events_go_when_everybody_has_heard_them(db):
    for key in ("heard", "dead", "waiting", "young"):
        _publish(key)
    state = {"heard": "done", "dead": "dead", "waiting": "pending", "young": "done"}
    for row in Delivery.objects.select_related("event"):
        row.state = state[row.event.key]
        row.save()
    _publish("nobody", "Unheard")
    old = timezone.now() - RETENTION - timedelta(minutes=1)
    EventRecord.objects.exclude(key="young").update(created_at=old)

    assert clean() == 2
    assert set(EventRecord.objects.values_list("key", flat=True)) == {
        *("dead", "waiting", "young")
    }


def test_cleaning_goes_on_until_nothing_is_left(db, monkeypatch):
    monkeypatch.setattr("cpms.outbox.tasks.CLEAN_MAX", 2)
    for number in range(5):
        _publish(f"k{number}", "Unheard")
    old = timezone.now() - RETENTION - timedelta(minutes=1)
    EventRecord.objects.update(created_at=old)

    assert clean() == 5
    assert not EventRecord.objects.exists()


@pytest.mark.parametrize("statement", ["UPDATE", "DELETE"])
def test_the_web_changes_no_event(db, as_role, statement):
    _publish("a")
    sql = {
        "UPDATE": "UPDATE outbox_eventrecord SET key = 'b'",
        "DELETE": "DELETE FROM outbox_delivery",
    }[statement]
    with (
        as_role("app"),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


def test_rows_say_what_they_are(db):
    _publish("a")
    assert str(EventRecord.objects.get()) == "TestHappened a"
    assert str(Delivery.objects.get()).startswith("tests.batch of event")


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
