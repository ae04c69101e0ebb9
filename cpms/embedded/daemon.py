"""Detaching a supervisor from whoever started it."""

import os
import sys

from cpms.embedded.room import Room
from cpms.embedded.supervisor import Server, Supervisor

READY_WORD = "ready"


def supervise(room: Room, server: Server, idle_s: float) -> int:
    """Stand over ``server`` in a process of its own.

    The calling process returns 0 as soon as the server is ready, or 1 after
    writing to standard error why it is not. The new process, which belongs to no
    terminal and no parent, returns when its work is over.
    """
    room.create()
    reading, writing = os.pipe()
    if os.fork() > 0:
        os.close(writing)
        with os.fdopen(reading) as pipe:
            word = pipe.read()
        if word == READY_WORD:
            return 0
        sys.stderr.write(word or f"The supervisor died; see {room.log}\n")
        return 1
    os.close(reading)
    _detach()

    def tell(word: str) -> None:
        nonlocal writing
        if writing >= 0:
            os.write(writing, word.encode())
            os.close(writing)
            writing = -1

    try:
        Supervisor(room, server, idle_s, announce=lambda: tell(READY_WORD)).run()
    except Exception as error:  # noqa: BLE001 - whatever it is, the starter must know
        tell(f"{error}\n")
        return 1
    finally:
        tell("The supervisor was told to stop before the server was ready.\n")
    return 0


def _detach() -> None:
    """Leave terminal, session, folder and standard streams of the starter."""
    os.setsid()
    os.chdir("/")
    os.umask(0o077)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.close(null)
