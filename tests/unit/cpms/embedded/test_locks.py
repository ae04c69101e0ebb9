import os
import time

import pytest

from cpms.embedded.locks import UnableToLock, is_current, is_locked, lock


def test_users_share_a_lock_and_keep_the_supervisor_out(tmp_path):
    path = tmp_path / "users.lock"
    first = lock(path, exclusive=False, timeout_s=0)
    second = lock(path, exclusive=False, timeout_s=0)

    with pytest.raises(UnableToLock, match="still locked after 0 s"):
        lock(path, exclusive=True, timeout_s=0)
    os.close(first)
    with pytest.raises(UnableToLock):
        lock(path, exclusive=True, timeout_s=0)
    os.close(second)
    os.close(lock(path, exclusive=True, timeout_s=0))


def test_waiting_for_a_lock_ends_after_the_given_time(tmp_path):
    path = tmp_path / "busy.lock"
    holder = lock(path, exclusive=True, timeout_s=0)
    before = time.monotonic()

    with pytest.raises(UnableToLock, match=r"busy\.lock is still locked"):
        lock(path, exclusive=True, timeout_s=0.05)

    assert time.monotonic() - before >= 0.05
    os.close(holder)


def test_a_probe_sees_exclusive_holders_only_and_leaves_no_file(tmp_path):
    path = tmp_path / "supervisor.lock"
    assert not is_locked(path)
    assert not path.exists()

    holder = lock(path, exclusive=True, timeout_s=0)
    assert is_locked(path)
    os.close(holder)
    assert not is_locked(path)


def test_a_lock_on_a_replaced_file_is_not_current(tmp_path):
    path = tmp_path / "users.lock"
    holder = lock(path, exclusive=False, timeout_s=0)
    assert is_current(holder, path)

    path.unlink()
    assert not is_current(holder, path)
    path.touch()
    assert not is_current(holder, path)
    os.close(holder)
