"""A station of OCPP 1.6."""

import pytest

from tests.conformance.stations import Station


@pytest.fixture
def station():
    return Station("1.6")
