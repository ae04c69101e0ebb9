"""The operating system account that the servers run as.

PostgreSQL refuses to run as root. When the project runs as root, the servers run
as ``nobody``; otherwise they run as whoever started them.
"""

import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

UNPRIVILEGED_NAME = "nobody"
UNPRIVILEGED_ID = 65534


@dataclass(frozen=True)
class Account:
    """Numeric user and group of a server process."""

    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        """Whether this process already runs as the account."""
        return self.uid == os.geteuid()


def server_account() -> Account:
    """The account for the servers: ``nobody`` for root, else the caller's own."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    try:
        entry = pwd.getpwnam(UNPRIVILEGED_NAME)
    except KeyError:
        return Account(UNPRIVILEGED_ID, UNPRIVILEGED_ID)
    return Account(entry.pw_uid, entry.pw_gid)


def run_as(account: Account, deed: Callable[[], str]) -> str | None:
    """Do ``deed`` in a forked child that runs as ``account``.

    Asking the kernel as that account is the only answer that also knows access
    lists, mount options and security modules. Call it from single-threaded
    processes only.

    Returns:
        What ``deed`` returned, or None when it raised.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            drop_to(account)
            answer = deed().encode()
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(answer)
            status = 0
        finally:
            # Never unwind into the parent's stack: its clean-up is not ours.
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    return answer.decode() if status == 0 else None


def drop_to(account: Account) -> None:
    """Become ``account`` for good."""
    if account.is_ours:
        return
    os.setgroups([])
    os.setgid(account.gid)
    os.setuid(account.uid)


def can_reach(account: Account, path: Path) -> bool:
    """Tell whether ``account`` may open or enter ``path``."""

    def look() -> str:
        return "yes" if os.access(path, os.R_OK | os.X_OK) else "no"

    if account.is_ours:
        return look() == "yes"
    return run_as(account, look) == "yes"


def processes_in(account: Account, folder: Path) -> list[int]:
    """Process ids of ``account`` whose working folder is ``folder``.

    PostgreSQL and all its backends work in the data folder, which tells ours
    from others whatever became of their parents. The look runs as the account
    itself: root without CAP_SYS_PTRACE (a container) may not see where the
    processes of others work.
    """
    target = os.path.realpath(folder)

    def look() -> str:
        found = []
        for entry in os.listdir("/proc"):  # noqa: PTH208 - names only, racing entries
            if not entry.isdigit():
                continue
            try:
                cwd = os.readlink(f"/proc/{entry}/cwd")  # noqa: PTH115 - as above
            except OSError:
                continue
            if cwd == target:
                found.append(entry)
        return " ".join(found)

    answer = look() if account.is_ours else run_as(account, look)
    own = os.getpid()
    return [pid for pid in map(int, (answer or "").split()) if pid != own]
