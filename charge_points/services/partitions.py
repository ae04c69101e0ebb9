"""Partitions of the tables that grow with time: made ahead, dropped behind.

The database functions of migration 0002 do the work; roles that are not the owner may
make and drop partitions of these two tables and nothing else.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import connection

METER_VALUES: Final = "charge_points_metervalue"
MESSAGES: Final = "charge_points_messagelog"
AHEAD: Final = timedelta(days=60)
"""So long may the sweep fail before rows land in a default partition."""
WEEK: Final = timedelta(days=7)
DROPPED_AT_ONCE_MAX: Final = 20


def _midnight(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def months(at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Bounds of the months from this one until ``AHEAD``."""
    begin = _midnight(at).replace(day=1)
    while begin < at + AHEAD:
        end = (begin + timedelta(days=32)).replace(day=1)
        yield begin, end
        begin = end


def weeks(at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Bounds of the weeks (from Monday) from this one until ``AHEAD``."""
    today = _midnight(at)
    begin = today - timedelta(days=today.weekday())
    while begin < at + AHEAD:
        yield begin, begin + WEEK
        begin += WEEK


def add_ahead(*, at: datetime) -> int:
    """Make the partitions of the near future; rows that lie there move into them.

    Returns:
        How many were made.
    """
    wanted = [(METER_VALUES, "sampled_at", *bounds) for bounds in months(at)]
    wanted += [(MESSAGES, "at", *bounds) for bounds in weeks(at)]
    made = 0
    with connection.cursor() as cursor:
        for table, key, lower_at, upper_at in wanted:
            cursor.execute(
                "SELECT charge_points_add_partition(%s, %s, %s, %s)",
                [table, key, lower_at, upper_at],
            )
            made += bool(cursor.fetchone()[0])
    return made


def drop_messages(*, before: datetime) -> int:
    """Drop the weeks of the message log that ended before an instant.

    Returns:
        How many partitions went.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT charge_points_drop_partitions(%s, %s, %s)",
            [MESSAGES, before, DROPPED_AT_ONCE_MAX],
        )
        return int(cursor.fetchone()[0])
