"""What a command costs on its way: statements of the hot path, counted."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from charge_points.handlers.dispatch import without_savepoints
from tests.conformance.desk import Desk
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db


def statements(work):
    """What the database is asked, without the frame of database transactions."""
    with CaptureQueriesContext(connection) as found:
        work()
    frame = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
    return [q["sql"] for q in found if not q["sql"].strip().startswith(frame)]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_a_command_takes_three_statements_to_the_wire(version):
    desk = Desk(Station(version))

    assert len(statements(lambda: desk.ask("ClearCache", {}))) == 2
    with without_savepoints():
        assert len(statements(desk.leave)) == 1
        # The row is read locked and written; the last reads it for the test.
        ended = statements(lambda: desk.answer({"status": "Accepted"}))
    assert len(ended) == 3
