"""Choosing a TCP port on 127.0.0.1."""

import random
import socket

# Below the range from which the kernel lends ports to outgoing connections
# (32768 and up): a lent port would keep a crashed server from coming back.
PORTS = range(20000, 30000)
ATTEMPTS_MAX = 100


class UnableToFindPort(Exception):
    """No free port was found."""


def is_free(port: int) -> bool:
    """Tell whether a server could listen on ``port``."""
    with socket.socket() as probe:
        # As the servers do: connections that linger from before do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError:
            return False
    return True


def choose(preferred: int | None) -> int:
    """``preferred`` when it is free, else another free port."""
    if preferred is not None and is_free(preferred):
        return preferred
    for port in random.sample(PORTS, ATTEMPTS_MAX):
        if is_free(port):
            return port
    raise UnableToFindPort(
        f"{ATTEMPTS_MAX} ports tried on 127.0.0.1, {PORTS.start} to {PORTS.stop}: "
        "all are taken. Free some, or set DATABASE_URL and REDIS_URL."
    )
