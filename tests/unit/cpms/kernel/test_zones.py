"""Time zones by name."""

from datetime import UTC, datetime, timedelta

import pytest

from cpms.kernel.zones import zone_named


def test_a_zone_is_found_by_its_name():
    summer = datetime(2026, 7, 1, tzinfo=zone_named("Europe/Berlin"))
    assert summer.utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize("name", ["", "Berlin", "../etc/passwd", "a\0b", "x" * 300])
def test_a_name_of_nothing_is_utc(name):
    assert zone_named(name) is UTC
