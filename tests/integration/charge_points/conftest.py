import pytest

from tests.integration.charge_points.world import make_operator, make_station


@pytest.fixture
def operator(db):
    return make_operator()


@pytest.fixture
def station(operator):
    return make_station()


@pytest.fixture
def stranger(station):
    """A charge point of another operator."""
    make_operator("two")
    return make_station("CP-2", "two")
