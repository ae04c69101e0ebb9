"""The real relay and a real worker: what is published is done once, whatever dies."""

import signal

import pytest
from django.db import connection, transaction
from django.utils import timezone

from cpms.outbox import publish_many
from cpms.outbox.delivery import ATTEMPTS_MAX, replay
from cpms.outbox.models import Delivery, EventRecord
from tests.integration.ops.processes import kill, until
from tests.integration.outbox.listeners import TABLE, TOPIC

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def tell(*keys, poison=False):
    with transaction.atomic():
        publish_many([(TOPIC, None, key, {"poison": poison}) for key in keys])


def written():
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT key FROM {TABLE} ORDER BY key")
        return [key for (key,) in cursor.fetchall()]


def states():
    return set(Delivery.objects.values_list("state", flat=True))


def all_done():
    return states() == {"done"}


def end_leases():
    """Time passes."""
    Delivery.objects.filter(state="pending").update(due_at=timezone.now())


def test_a_worker_killed_in_the_middle_of_a_batch_leaves_nothing_half_done(town):
    keys = [f"k{number:02}" for number in range(25)]
    (town.folder / "closed").touch()
    with town.relay(), town.worker() as doomed:
        tell(*keys)
        until((town.folder / "reached").exists)
        kill(doomed)
        assert written() == []
        assert states() == {"pending"}

        (town.folder / "closed").unlink()
        with town.worker():
            end_leases()
            until(all_done)

    assert written() == keys


def test_a_relay_killed_with_leases_in_its_hands_loses_nothing(town):
    keys = [f"k{number:02}" for number in range(15)]
    with town.relay() as doomed:
        tell(*keys)
        until(lambda: Delivery.objects.filter(due_at__gt=timezone.now()).count() == 15)
        kill(doomed)
    tell("late")
    with town.relay(), town.worker():
        end_leases()
        until(all_done)

    assert written() == sorted([*keys, "late"])


def test_a_broker_that_goes_and_comes_back_delays_and_loses_nothing(town):
    with town.relay() as relay, town.worker():
        tell("before")
        until(all_done)

        town.valkey.stop()
        tell("during-1", "during-2")
        until(lambda: "relay_broker_lost" in town.log("relay").read_text())
        assert relay.poll() is None
        assert set(written()) == {"before"}

        assert town.valkey.ensure() == town.url
        end_leases()
        until(all_done)
        tell("after")
        until(all_done)

    assert written() == ["after", "before", "during-1", "during-2"]


def test_what_nobody_was_notified_of_is_found_by_the_poll(town):
    with town.relay(), town.worker():
        tell("first")
        until(all_done)
        event = EventRecord.objects.create(topic=TOPIC, key="silent", payload={})
        Delivery.objects.create(event=event, subscriber="tests.facts")
        until(all_done)

    assert written() == ["first", "silent"]


def test_a_poison_event_dies_alone_and_comes_back_when_it_is_replayed(town):
    with town.relay(), town.worker():
        tell("good-1", "good-2")
        tell("bad", poison=True)
        tell("good-3")

        def dead():
            end_leases()
            return Delivery.objects.filter(state="dead").exists()

        until(dead)
        until(lambda: "pending" not in states())
        row = Delivery.objects.get(state="dead")
        assert row.event.key == "bad"
        assert row.attempts == ATTEMPTS_MAX
        assert "cannot be digested" in row.last_error
        assert written() == ["good-1", "good-2", "good-3"]

        (town.folder / "antidote").touch()
        assert replay([row.pk]) == 1
        until(all_done)

    assert written() == ["bad", "good-1", "good-2", "good-3"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_relay_ends_on_a_signal_with_status_zero(town, number):
    with town.relay() as relay:
        tell("seen")
        until(lambda: Delivery.objects.filter(due_at__gt=timezone.now()).exists())
        relay.send_signal(number)
        assert relay.wait(30) == 0
