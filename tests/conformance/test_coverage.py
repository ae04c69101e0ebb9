"""Every message of both versions has a route, and a test that plays it.

The messages are those of the schemas that the `ocpp` package ships.
"""

import re
from pathlib import Path

import pytest

from charge_points.handlers.tables import all_tables
from charge_points.ocpp.schemas import MESSAGE_SETS

HERE = Path(__file__).parent
TABLES = all_tables()

DIRECTIONS = [(version, way) for version in MESSAGE_SETS for way in ("in", "out")]


def messages(version, way):
    found = MESSAGE_SETS[version]
    return found.incoming if way == "in" else found.outgoing


def routed(version, way):
    table = TABLES[version]
    return set(table.routes) if way == "in" else set(table.outgoing)


@pytest.mark.parametrize(("version", "way"), DIRECTIONS)
def test_every_message_of_the_schemas_has_a_route(version, way):
    assert messages(version, way) - routed(version, way) == set()


@pytest.mark.parametrize(("version", "way"), DIRECTIONS)
def test_every_route_is_of_a_message(version, way):
    assert routed(version, way) - messages(version, way) == set()


def played(version):
    """The quoted words of the behaviour tests that play a version, with helpers."""
    own = "v16" if version == "1.6" else "v201"
    files = [*HERE.glob("*.py"), *(HERE / own).glob("*.py")]
    text = "".join(
        path.read_text()
        for path in files
        if path.name not in {"test_coverage.py", "test_schema_round_trip.py"}
    )
    return set(re.findall(r'"([A-Z]\w+)"', text))


@pytest.mark.parametrize(("version", "way"), DIRECTIONS)
def test_every_routed_message_has_a_behaviour_test(version, way):
    assert routed(version, way) - played(version) == set()
