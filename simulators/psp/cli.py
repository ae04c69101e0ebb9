"""Command line: `python -m simulators.psp`."""

import argparse
import json
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import uvicorn

from simulators.psp import endpoints, ids
from simulators.psp.app import App, new_world
from simulators.psp.errors import ApiError
from simulators.psp.journal import Journal, UnableToReadJournal
from simulators.psp.rules import Rules
from simulators.psp.store import Store

API_KEY_VARIABLE = "PSP_API_KEY"
WEBHOOK_SECRET_VARIABLE = "PSP_WEBHOOK_SECRET"  # noqa: S105 - a variable's name
_KEEP_ALIVE_S = 75
_GRACE_S = 2
_API_KEY_MIN = 8


def parser() -> argparse.ArgumentParser:
    """Return the parser of the simulator's arguments."""
    found = argparse.ArgumentParser(
        prog="python -m simulators.psp",
        description="Simulated payment provider: a Stripe-compatible subset over "
        "HTTP with connected accounts and books of its own.",
        epilog="On start one line of JSON is printed: base_url, api_key and "
        "webhook_secret (random ones unless given).",
    )
    add = found.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=0, help="port; 0 takes a free one")
    add("--base-url", help="address in links; default: http://HOST:PORT")
    add(
        "--api-key",
        default=os.environ.get(API_KEY_VARIABLE),
        help=f"the platform's key; better by ${API_KEY_VARIABLE}",
    )
    add("--webhook-url", help="where all events are posted")
    add(
        "--webhook-secret",
        default=os.environ.get(WEBHOOK_SECRET_VARIABLE),
        help=f"signs the webhooks; better by ${WEBHOOK_SECRET_VARIABLE}",
    )
    add(
        "--journal",
        "--state-file",
        type=Path,
        metavar="FILE",
        help="append every change here and read it back at the next start",
    )
    add("--seed", type=int, default=0, help="of faults with a probability")
    defaults = Rules()
    for rule in fields(Rules):
        name = "--" + rule.name.replace("_", "-")
        value = getattr(defaults, rule.name)
        add(name, type=int, default=value, metavar="N", help=f"default {value}")
    return found


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


class _Server(uvicorn.Server):
    """Tells its address when it really listens."""

    announcement = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(self.announcement + "\n")
            sys.stdout.flush()


def run(argv: Sequence[str] | None = None) -> int:
    """Run the simulator until it is told to stop; returns the exit status."""
    arguments = parser().parse_args(argv)
    api_key = arguments.api_key or "sk_test_" + ids.token(32)
    secret = arguments.webhook_secret or "whsec_" + ids.token(32)
    if len(api_key) < _API_KEY_MIN:
        sys.stderr.write(f"The API key must have {_API_KEY_MIN} characters or more.\n")
        return 2
    rules = Rules()
    try:
        rules.change({f.name: getattr(arguments, f.name) for f in fields(Rules)})
        listener = _listen(arguments.host, arguments.port)
        journal = Journal(arguments.journal) if arguments.journal else None
        store = Store(journal)
    except (ApiError, OSError, UnableToReadJournal) as error:
        sys.stderr.write(f"Cannot start: {error}\n")
        return 2
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    port = listener.getsockname()[1]
    base_url = arguments.base_url or f"http://{host}:{port}"
    world = new_world(store, rules, base_url)
    if arguments.webhook_url:
        unit = world.unit()
        try:
            endpoints.configure(unit, arguments.webhook_url, secret)
        except ApiError as error:
            sys.stderr.write(f"Cannot start: {error}\n")
            return 2
        store.commit(unit)
    app = App(world, api_key, seed=arguments.seed)
    told = {"base_url": base_url, "api_key": api_key, "webhook_secret": secret}
    _serve(app, listener, json.dumps({"event": "listening", **told}))
    return 0


def _serve(app: App, listener: socket.socket, announcement: str) -> None:
    config = uvicorn.Config(
        app,
        loop="uvloop",
        lifespan="on",
        access_log=False,
        # A broken connection is what faults ask for, no news for the log.
        log_level="critical",
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
        server_header=False,
    )
    server = _Server(config)
    server.announcement = announcement
    server.run(sockets=[listener])
