"""Subscribers of the tests, for real relay and worker processes.

``CPMS_TEST_ROOM`` is the folder over which test and worker talk.
"""

import os
import time
from pathlib import Path

from django.apps import AppConfig
from django.db import connection

from cpms.outbox import subscriber

TOPIC = "TestTold"
BATCH = 10
TABLE = "outbox_test_fact"


def _room() -> Path:
    return Path(os.environ["CPMS_TEST_ROOM"])


class Listeners(AppConfig):
    """Registers the subscribers."""

    name = "tests.integration.outbox"
    label = "outbox_tests"

    def ready(self):
        subscriber("tests.facts", topics=[TOPIC], batch_max=BATCH)(write_facts)


def write_facts(events):
    """One row an event; stops at the gate, in the middle of the batch."""
    for number, event in enumerate(events):
        if event.payload.get("poison") and not (_room() / "antidote").exists():
            raise RuntimeError("this event cannot be digested")
        if number == len(events) // 2:
            _pass_the_gate()
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {TABLE} (event_id, key) VALUES (%s, %s)",
                [event.id, event.key],
            )


def _pass_the_gate():
    (_room() / "reached").touch()
    while (_room() / "closed").exists():
        time.sleep(0.02)
