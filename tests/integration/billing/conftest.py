"""Fixtures of billing's tests: two worlds of operators, a provider, real roles."""

import pytest
from django.core.cache import cache

from tests.factories import money
from tests.integration.billing.world import make_world
from tests.psp_process import running_psp


@pytest.fixture(scope="session")
def psp_process():
    with running_psp() as psp:
        yield psp


@pytest.fixture
def psp(psp_process, settings):
    """The provider simulator, without faults, as the provider ``stripe``."""
    settings.PAYMENT_PROVIDERS = money.provider_settings(psp_process)
    yield psp_process
    psp_process.control("faults", method="DELETE")


@pytest.fixture(autouse=True)
def _no_throttles():
    cache.clear()


@pytest.fixture
def world(db, psp):
    """An operator that is paid, its station and tariff, a driver with a card."""
    return make_world(psp)
