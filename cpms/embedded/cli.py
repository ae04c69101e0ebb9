"""The command ``python -m cpms.embedded``.

Exit codes: 0 done (``status``: all run), 1 refused or failed, 2 wrong usage,
3 (``status``, ``urls``) not all run. Only ``urls`` shows passwords.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cpms.embedded.accounts import server_account
from cpms.embedded.daemon import supervise
from cpms.embedded.doors import (
    IDLE_S,
    SOURCE_ROOT,
    EmbeddedPostgres,
    EmbeddedValkey,
    UnableToStop,
)
from cpms.embedded.locks import UnableToLock
from cpms.embedded.postgres import PostgresServer
from cpms.embedded.processes import UnableToStart
from cpms.embedded.room import READY, UnableToUseHome
from cpms.embedded.valkey import ValkeyServer

if TYPE_CHECKING:
    from cpms.embedded.supervisor import Server

DONE, REFUSED, NOT_RUNNING = 0, 1, 3
SERVICES = ("postgres", "valkey")


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.verb == "supervise":
            return _supervise(options)
        return _VERBS[options.verb](options)
    except (UnableToLock, UnableToStart, UnableToStop, UnableToUseHome) as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cpms.embedded", description="The checkout's own servers."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    helps = {
        "start": "start the servers; they stay for a minute without users",
        "stop": "stop the servers, whoever uses them",
        "status": "what runs, where, how big",
        "urls": "print the addresses with their passwords",
        "erase": "stop the servers and delete all their data",
        "supervise": "(internal) stand over one server",
    }
    for verb, text in helps.items():
        sub = verbs.add_parser(verb, help=text)
        sub.add_argument("service", nargs="?", choices=SERVICES, help="one server only")
        sub.add_argument("--home", type=Path, default=SOURCE_ROOT / ".cpms")
        sub.add_argument("--json", action="store_true", help="print JSON")
        sub.add_argument("--idle-s", type=float, default=None)
    return parser


def _servers(options: argparse.Namespace) -> list[EmbeddedPostgres | EmbeddedValkey]:
    both: list[EmbeddedPostgres | EmbeddedValkey] = [
        EmbeddedPostgres(options.home, options.idle_s),
        EmbeddedValkey(options.home, options.idle_s),
    ]
    return [server for server in both if options.service in {None, server.room.service}]


def _start(options: argparse.Namespace) -> int:
    for server in _servers(options):
        server.ensure()
    return _status(options)


def _stop(options: argparse.Namespace) -> int:
    for server in _servers(options):
        stopped = server.stop()
        _say(f"{server.room.service}: {'stopped' if stopped else 'did not run'}")
    return DONE


def _erase(options: argparse.Namespace) -> int:
    for server in _servers(options):
        server.erase()
        _say(f"{server.room.service}: erased")
    return DONE


def _status(options: argparse.Namespace) -> int:
    all_status = [server.status() for server in _servers(options)]
    if options.json:
        _say(json.dumps({status.service: asdict(status) for status in all_status}))
    else:
        for status in all_status:
            _say(
                f"{status.service}: {status.status}"
                f" port={status.port} pid={status.server_pid}"
                f" supervisor={status.supervisor_pid} restarts={status.restarts}"
                f" bytes={status.data_bytes} folder={status.folder or '-'}"
                f" log={status.log}"
            )
    running = all(status.status == READY for status in all_status)
    return DONE if running else NOT_RUNNING


def _urls(options: argparse.Namespace) -> int:
    found: dict[str, str] = {}
    for server in _servers(options):
        if server.status().status != READY:
            sys.stderr.write(f"{server.room.service} does not run; start it first.\n")
            return NOT_RUNNING
        urls = server.ensure()
        found |= {"valkey": urls} if isinstance(urls, str) else asdict(urls)
    if options.json:
        _say(json.dumps(found))
    else:
        for name, url in found.items():
            _say(f"{name}={url}")
    return DONE


def _supervise(options: argparse.Namespace) -> int:
    server = next(iter(_servers(options)))
    room = server.room
    worker: Server = (
        PostgresServer(room, server_account())
        if isinstance(server, EmbeddedPostgres)
        else ValkeyServer(room, server_account())
    )
    idle_s = IDLE_S if options.idle_s is None else options.idle_s
    return supervise(room, worker, idle_s)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


_VERBS = {
    "start": _start,
    "stop": _stop,
    "status": _status,
    "urls": _urls,
    "erase": _erase,
}
