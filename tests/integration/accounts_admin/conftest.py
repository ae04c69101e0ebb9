import pytest

from tests.integration.charge_points.world import make_operator, make_station


@pytest.fixture
def operator(db):
    return make_operator()


@pytest.fixture
def station(operator):
    return make_station()


@pytest.fixture(autouse=True)
def _no_collected_files(settings):
    """Static files are not collected for tests; whitenoise looks when asked."""
    settings.WHITENOISE_AUTOREFRESH = True
