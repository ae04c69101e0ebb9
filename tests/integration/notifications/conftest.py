"""An operator whose system listens on this machine."""

import pytest

from cpms.notifications.services.fan_out import interest
from tests.factories import accounts
from tests.integration.notifications.receiver import receiving


@pytest.fixture
def receiver(settings):
    settings.OUTGOING_NETWORKS = ["127.0.0.0/8"]
    with receiving() as state:
        yield state


@pytest.fixture(autouse=True)
def _fresh_interest():
    interest.forget()
    yield
    interest.forget()


@pytest.fixture
def operator(transactional_db):
    return accounts.operator("north")
