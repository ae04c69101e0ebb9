"""A station of OCPP 2.0.1."""

import pytest

from tests.conformance.stations import Station


@pytest.fixture
def station():
    return Station("2.0.1")
