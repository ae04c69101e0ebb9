import os
import stat
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from cpms.settings.keys import (  # noqa: TID251 - the room under test
    NAMES,
    development_secrets,
    production_key,
    production_secret,
    require,
    require_public_address,
    secret,
)

ROOT = Path(__file__).resolve().parents[4]
STRONG = "kJ8s0Qm-4fXv7yTbR2nWc9LpZe3HuGdA1oS6iM5x"


@pytest.fixture(autouse=True)
def _bare(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("SECRET", "CHARGE_POINT_", "KEY_", "DATABASE_URL")):
            monkeypatch.delenv(name)


def test_secrets_of_a_checkout_are_made_once_and_only_ours_to_read(tmp_path):
    first = development_secrets(tmp_path / "home")
    again = development_secrets(tmp_path / "home")

    assert first == again
    assert set(first) == set(NAMES)
    assert len(set(first.values())) == len(NAMES)
    Fernet(first["KEY_ENCRYPTION_KEY"])
    file = tmp_path / "home" / "secrets.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["secrets.json"]


def test_the_environment_wins_over_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "from-outside")

    assert development_secrets(tmp_path)["SECRET_KEY"] == "from-outside"


def test_processes_that_start_together_agree(tmp_path):
    code = (
        "import sys, pathlib; sys.stdin.readline();"
        "from cpms.settings.keys import development_secrets as made;"
        "print(sorted(made(pathlib.Path(sys.argv[1])).items()))"
    )
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "home")],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(5)
    ]
    for starter in starters:
        starter.stdin.write("go\n")
        starter.stdin.flush()
    told = {starter.communicate(timeout=60)[0] for starter in starters}

    assert len(told) == 1
    assert "SECRET_KEY" in told.pop()


def test_who_comes_second_takes_what_is_there(tmp_path, monkeypatch):
    # The file appears between the look and the link.
    theirs = development_secrets(tmp_path)
    seen = iter([False])
    monkeypatch.setattr(Path, "exists", lambda _: next(seen))

    assert development_secrets(tmp_path) == theirs
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]


def test_a_secret_may_stand_in_a_file(tmp_path, monkeypatch):
    file = tmp_path / "key"
    file.write_text(f"{STRONG}\n")
    monkeypatch.setenv("SECRET_KEY_FILE", str(file))

    assert secret("SECRET_KEY") == STRONG
    assert production_secret("SECRET_KEY") == STRONG


def test_a_missing_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "none"))

    with pytest.raises(ImproperlyConfigured, match=r"SECRET_KEY_FILE names .*none"):
        secret("SECRET_KEY")


@pytest.mark.parametrize("weak", ["", "short", "a" * 64, "ab" * 32])
def test_weak_secrets_are_refused_and_not_shown(monkeypatch, weak):
    monkeypatch.setenv("SECRET_KEY", weak)

    with pytest.raises(
        ImproperlyConfigured, match="SECRET_KEY is missing or weak"
    ) as e:
        production_secret("SECRET_KEY")
    assert not weak or weak not in str(e.value)


def test_more_characters_may_be_asked_for(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", STRONG)

    with pytest.raises(ImproperlyConfigured, match="needs 50 random characters"):
        production_secret("SECRET_KEY", characters=50)


def test_an_encryption_key_must_be_one(monkeypatch):
    monkeypatch.setenv("KEY_ENCRYPTION_KEY", STRONG)
    with pytest.raises(ImproperlyConfigured, match="32 random bytes"):
        production_key("KEY_ENCRYPTION_KEY")

    key = urlsafe_b64encode(bytes(range(32))).decode()
    monkeypatch.setenv("KEY_ENCRYPTION_KEY", key)
    assert production_key("KEY_ENCRYPTION_KEY") == key


def test_everything_that_is_missing_is_named_at_once(monkeypatch):
    monkeypatch.setenv("GIVEN", "x")
    for name in ("MISSING_A", "MISSING_B"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(ImproperlyConfigured, match="MISSING_A, MISSING_B not set"):
        require("GIVEN", "MISSING_A", "MISSING_B")
    require("GIVEN")


def test_a_role_needs_only_its_own_database(monkeypatch):
    monkeypatch.setenv("CPMS_DATABASE_ROLE", "app")
    monkeypatch.setenv("DATABASE_URL_APP", "postgresql://h/n")
    require("DATABASE_URL")

    monkeypatch.setenv("CPMS_DATABASE_ROLE", "owner")
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        require("DATABASE_URL")


@pytest.mark.parametrize("url", ["http://cpms.example.org", "https://", "cpms.example"])
def test_the_public_address_must_be_https(url):
    with pytest.raises(ImproperlyConfigured, match="production needs https"):
        require_public_address(url, ["cpms.example.org"])


def test_hosts_must_be_named():
    require_public_address("https://cpms.example.org", ["cpms.example.org"])
    with pytest.raises(ImproperlyConfigured, match="takes every name"):
        require_public_address("https://cpms.example.org", ["*"])
