"""Fixtures of settlement's tests."""

import pytest

from tests.integration.settlement.shop import make_shop, use
from tests.integration.settlement.world import make_operator
from tests.psp_process import running_psp


@pytest.fixture
def operator(db):
    return make_operator("one")


@pytest.fixture
def other(db):
    return make_operator("two")


@pytest.fixture(scope="module")
def psp_process():
    with running_psp() as psp:
        yield psp


@pytest.fixture
def psp(psp_process, settings):
    """The provider simulator, without faults, as the provider ``stripe``."""
    use(settings, psp_process)
    yield psp_process
    psp_process.control("faults", method="DELETE")


@pytest.fixture
def shop(db, psp):
    """An operator with a working account, and a driver with a working card."""
    return make_shop(psp)


@pytest.fixture(autouse=True)
def _static_folder(settings, tmp_path):
    """The web's static files are collected by the deployment, not by tests."""
    settings.STATIC_ROOT = tmp_path
