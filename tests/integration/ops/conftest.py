import pytest

from cpms.embedded import EmbeddedValkey


@pytest.fixture(scope="module")
def valkey(tmp_path_factory):
    """A Valkey of its own, which tests may stop."""
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"), idle_s=600)
    yield server
    server.erase()
