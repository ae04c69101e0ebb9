import contextlib
import tempfile
from pathlib import Path

import pytest

from cpms.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.integration.embedded.watching import User, erase


@contextlib.contextmanager
def passable_home():
    """A home that every account may pass into, unlike pytest's own folders."""
    with tempfile.TemporaryDirectory(prefix="cpms-test-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        path = Path(folder) / ".cpms"
        yield path
        erase(path)


@pytest.fixture
def home():
    with passable_home() as path:
        yield path


@pytest.fixture(scope="module")
def shared():
    """A PostgreSQL for tests that leave it as it was."""
    with passable_home() as path:
        yield EmbeddedPostgres(path, idle_s=60)


@pytest.fixture
def postgres(home):
    return EmbeddedPostgres(home, idle_s=60)


@pytest.fixture
def valkey(home):
    return EmbeddedValkey(home, idle_s=60)


@pytest.fixture
def start_user():
    users = []

    def start(code, home, **options):
        users.append(User(code, home, **options))
        return users[-1]

    yield start
    for user in users:
        user.kill()
