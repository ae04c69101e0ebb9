import pytest

from tests.integration.charge_points.world import make_operator, make_station


@pytest.fixture
def station(transactional_db):
    make_operator()
    return make_station()
