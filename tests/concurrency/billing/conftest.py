"""Fixtures of billing's races: real threads, real commits, a real provider."""

import pytest

from tests.factories import money
from tests.integration.billing.world import make_world
from tests.psp_process import running_psp


@pytest.fixture
def world(transactional_db, settings):
    settings.WHITENOISE_AUTOREFRESH = True
    with running_psp() as psp:
        settings.PAYMENT_PROVIDERS = money.provider_settings(psp)
        yield make_world(psp)
