"""Fixtures of billing's tests: two worlds of operators, a provider, real roles."""

import warnings

import pytest
from django.core.cache import cache

from cpms.celery import app
from tests.factories import money
from tests.integration.billing.world import make_world
from tests.psp_process import running_psp

# Tasks belong to the application of the project, which must be complete before any
# of them is looked at. Some rooms name queues in a way that Celery will drop.
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", r"\s*The 'queue' task")
    app.set_current()
    app.finalize(auto=True)


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
def _web(settings):
    """Nobody has asked yet; static files are not collected for tests."""
    cache.clear()
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def world(db, psp):
    """An operator that is paid, its station and tariff, a driver with a card."""
    return make_world(psp)
