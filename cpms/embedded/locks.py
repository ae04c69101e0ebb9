"""Advisory file locks (flock) of one server's room.

An flock belongs to the open file: a forked child holds it together with its
parent, an executed program does not (the descriptor closes on exec), and the
kernel lets go when the last holder dies, however it dies. So nothing here needs
process ids, heartbeats or cleaning up.
"""

import fcntl
import os
import time
from pathlib import Path

PROBE_INTERVAL_S = 0.005


class UnableToLock(Exception):
    """Somebody else held the lock for the whole time."""


def lock(path: Path, *, exclusive: bool, timeout_s: float) -> int:
    """Open the file at ``path`` and lock it.

    Returns:
        The descriptor that holds the lock; closing it lets go.

    Raises:
        UnableToLock: after ``timeout_s`` seconds.
    """
    operation = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(descriptor, operation)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise UnableToLock(
                    f"{path} is still locked after {timeout_s:g} s."
                ) from None
            time.sleep(PROBE_INTERVAL_S)
        else:
            return descriptor


def is_locked(path: Path) -> bool:
    """Tell whether anybody holds the lock at ``path``.

    The probe holds a shared lock for an instant, so whoever wants the lock for
    itself must be ready to try more than once; ``lock`` is.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def is_current(descriptor: int, path: Path) -> bool:
    """Tell whether the descriptor still is the file at ``path``.

    A lock on a file that was deleted and made again keeps nobody out.
    """
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
