import os
import pwd
import subprocess

import pytest

from cpms.embedded.accounts import (
    Account,
    can_reach,
    processes_in,
    run_as,
    server_account,
)

OURS = Account(os.geteuid(), os.getegid())
NOBODY = Account(65534, 65534)
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change user")


def test_servers_never_run_as_root():
    assert server_account().uid != 0


def test_an_ordinary_user_keeps_its_own_account(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    monkeypatch.setattr(os, "getegid", lambda: 5678)
    assert server_account() == Account(1234, 5678)


def test_root_without_an_entry_for_nobody_takes_its_number(monkeypatch):
    def unknown(name):
        raise KeyError(name)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", unknown)
    assert server_account() == NOBODY


@root_only
def test_a_deed_runs_as_the_account_without_further_groups():
    answer = run_as(NOBODY, lambda: f"{os.getresuid()} {os.getgroups()}")
    assert answer == "(65534, 65534, 65534) []"
    assert os.geteuid() == 0


def test_a_deed_that_fails_gives_none():
    def fail():
        raise OSError

    assert run_as(OURS, fail) is None


@root_only
def test_reach_is_what_the_kernel_says(tmp_path):
    tmp_path.chmod(0o700)
    assert can_reach(OURS, tmp_path)
    assert not can_reach(NOBODY, tmp_path)
    os.chown(tmp_path, NOBODY.uid, NOBODY.gid)
    # pytest's folders above are closed to others
    assert not can_reach(NOBODY, tmp_path)


def test_processes_are_found_by_their_working_folder(tmp_path):
    assert processes_in(OURS, tmp_path) == []
    process = subprocess.Popen(["/bin/sleep", "600"], cwd=tmp_path)
    try:
        assert processes_in(OURS, tmp_path) == [process.pid]
        assert processes_in(OURS, tmp_path.parent) == []
    finally:
        process.kill()
        process.wait()
    assert processes_in(OURS, tmp_path) == []
