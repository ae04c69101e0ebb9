import pytest

from tests.unit.simulators.psp.harness import Provider


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def account(provider) -> str:
    return provider.account()
