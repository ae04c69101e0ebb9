"""Starting and ending server processes that never outlive their supervisor."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cpms.embedded.accounts import Account

PR_SET_PDEATHSIG = 1
POLL_INTERVAL_S = 0.05
KILL_PATIENCE_S = 5.0
# Nothing of the caller's environment reaches a server: PGDATA, PGPORT, PGOPTIONS
# and the like would bend it.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class UnableToStart(Exception):
    """A server did not come up."""


@dataclass(frozen=True)
class Program:
    """One call of a program.

    Attributes:
        arguments: the program and what it is called with.
        folder: working folder.
        text: its standard input; secrets go this way, not by arguments that
            everybody can list.
    """

    arguments: tuple[str, ...]
    folder: Path
    text: str = ""


def start(
    program: Program, *, account: Account, death_signal: signal.Signals, log: int
) -> subprocess.Popen[bytes]:
    """Start a server as ``account``; ``death_signal`` reaches it when we die.

    The kernel forgets the death signal when a process changes its user, so it is
    asked for after the change; and it watches the *thread* that forked, so only a
    main thread may call this.

    Args:
        program: what to run.
        account: whom to run it as.
        death_signal: sent by the kernel to the server when this process is gone.
        log: descriptor that takes the server's standard output and error.
    """
    ours = os.getpid()
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def before_exec() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != ours:  # died before the kernel was asked
            os._exit(1)

    uid, gid, groups = _identity(account)
    process = subprocess.Popen(  # noqa: S603 - programs of installed wheels
        program.arguments,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        cwd=program.folder,
        env=ENVIRONMENT,
        start_new_session=True,
        preexec_fn=before_exec,  # noqa: PLW1509 - the supervisor has one thread
        user=uid,
        group=gid,
        extra_groups=groups,
    )
    assert process.stdin is not None
    # It may have ended at once; the caller sees that and reads the log.
    with contextlib.suppress(BrokenPipeError), process.stdin:
        process.stdin.write(program.text.encode())
    return process


def run(program: Program, *, account: Account, timeout_s: float) -> None:
    """Run a program to its end as ``account``.

    Raises:
        UnableToStart: with the end of what it said, when it fails or takes longer.
    """
    uid, gid, groups = _identity(account)
    name = Path(program.arguments[0]).name
    try:
        result = subprocess.run(  # noqa: S603 - programs of installed wheels
            program.arguments,
            check=False,
            input=program.text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=program.folder,
            env=ENVIRONMENT,
            timeout=timeout_s,
            user=uid,
            group=gid,
            extra_groups=groups,
        )
    except subprocess.TimeoutExpired as error:
        raise UnableToStart(f"{name} took longer than {timeout_s:g} s.") from error
    except OSError as error:
        raise UnableToStart(f"{name} does not run: {error}.") from error
    if result.returncode != 0:
        raise UnableToStart(
            f"{name} ended with code {result.returncode}: {result.stdout[-2000:]}"
        )


def stop(
    process: subprocess.Popen[bytes],
    ladder: Iterable[tuple[signal.Signals, float]],
) -> None:
    """End a server: each signal of ``ladder`` gets its seconds, then SIGKILL."""
    for number, patience_s in ladder:
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()
    process.wait()


def end_all(
    find: Callable[[], list[int]],
    ladder: Iterable[tuple[signal.Signals, float]],
) -> None:
    """End processes that are not our children, up the ``ladder``, then SIGKILL.

    Args:
        find: names those still there; asked again after every signal.
        ladder: signals with the seconds each gets.

    Raises:
        UnableToStart: when some survive even SIGKILL.
    """
    for number, patience_s in (*ladder, (signal.SIGKILL, KILL_PATIENCE_S)):
        for pid in find():
            _signal(pid, number)
        deadline = time.monotonic() + patience_s
        while find():
            if time.monotonic() >= deadline:
                break
            time.sleep(POLL_INTERVAL_S)
        else:
            return
    raise UnableToStart(f"Processes {find()} of an earlier server do not end.")


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _identity(account: Account) -> tuple[int | None, int | None, list[int] | None]:
    """User, group and further groups to change to; None keeps ours."""
    if account.is_ours:
        return None, None, None
    return account.uid, account.gid, []
