"""Somebody with an account of the platform and bad intentions."""

import pytest
from django.core.cache import cache

from tests.factories import accounts


@pytest.fixture(autouse=True)
def _nobody_guessed_yet():
    cache.clear()


@pytest.fixture
def thief(psp, world):
    """Another account with a card of its own."""
    return accounts.driver_with_card()
