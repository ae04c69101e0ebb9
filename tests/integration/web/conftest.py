"""Fixtures of the drivers' pages: an operator's station and a provider."""

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
    settings.PAYMENT_PROVIDERS = money.provider_settings(psp_process)
    yield psp_process
    psp_process.control("faults", method="DELETE")


@pytest.fixture(autouse=True)
def _nobody_guessed_yet():
    cache.clear()


@pytest.fixture
def world(db, psp):
    return make_world(psp)


@pytest.fixture
def plugged(world):
    world.station.status("preparing")
    return world


@pytest.fixture
def label(world):
    return world.station.connector().code
