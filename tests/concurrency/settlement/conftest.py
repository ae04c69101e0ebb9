"""Fixtures of settlement's races: real threads, real commits, a real provider."""

import pytest

from settlement.services import sealing
from tests.integration.settlement.shop import make_shop, use
from tests.psp_process import running_psp


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """Other databases of the same server may be busy for a while."""
    monkeypatch.setattr(sealing, "HORIZON_WAIT_S", 120.0)


@pytest.fixture
def shop(transactional_db, settings):
    """An operator and a driver; several workers may work for them at once."""
    with running_psp() as psp:
        use(settings, psp)
        yield make_shop(psp)
