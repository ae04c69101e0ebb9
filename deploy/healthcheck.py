"""Is this process healthy? For containers; exit code 0 means yes, 1 no, 2 misuse.

Usage: ``healthcheck.py http 8000 /healthz`` (answers 200) or
``healthcheck.py tcp 9000`` (takes connections).
"""  # noqa: INP001 - a script, no package

import http.client
import os
import socket
import sys

TIMEOUT_S = 4.0


def own_host() -> str:
    """A host name that Django accepts: the first of ``ALLOWED_HOSTS``."""
    first = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip()
    return first.lstrip(".").replace("*", "localhost") or "localhost"


def answers(port: int, path: str) -> bool:
    """Whether the web process on this machine answers ``path`` with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Host": own_host()})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def listens(port: int) -> bool:
    """Whether something on this machine takes connections on ``port``."""
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S):
            return True
    except OSError:
        return False


def main(arguments: list[str]) -> int:
    """Run one check; returns the exit code."""
    match arguments:
        case ["http", port, path] if port.isdigit():
            healthy = answers(int(port), path)
        case ["tcp", port] if port.isdigit():
            healthy = listens(int(port))
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0 if healthy else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
