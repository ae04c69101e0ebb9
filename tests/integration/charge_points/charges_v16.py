"""A token that may charge."""

import pytest

from tests.integration.charge_points.world import allow


@pytest.fixture
def tag(station):
    allow("tag")
    return "tag"
