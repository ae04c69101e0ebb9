"""``manage.py run``: the whole system on one machine."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cpms.accounts.management.base import port, refused
from cpms.kernel.errors import DomainError
from cpms.ops.runner import Ports, Runner, UnableToStart, system_roles
from cpms.outbox.queues import QUEUES

TEND_S = 0.3


class UnableToListen(DomainError):
    """Somebody listens there already."""


class Command(BaseCommand):
    """Migrate, start web, gateway, worker, beat and relay; restart what dies."""

    help = (
        "Run the whole system on this machine (web, gateway, worker, beat, relay) "
        "until Ctrl-C. Logs are in .cpms/log."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Ports."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--web-port", type=port, default=8000)
        parser.add_argument("--gateway-port", type=port, default=9000)
        parser.add_argument("--workers", type=int, default=2)
        parser.add_argument(
            "--json", action="store_true", help="print one JSON line when ready"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Run until a signal."""
        stop = threading.Event()
        for wanted in (signal.SIGTERM, signal.SIGINT):
            signal.signal(wanted, lambda *_: stop.set())
        ports = Ports(options["host"], options["web_port"], options["gateway_port"])
        for option, number in (("web", ports.web), ("gateway", ports.gateway)):
            _require_free(ports.host, number, f"--{option}-port")
        base = f"http://{ports.host}:{ports.web}"
        os.environ.setdefault("PUBLIC_BASE_URL", base)
        self._migrate()
        home = settings.CPMS_HOME
        roles = system_roles(
            ports, home=home, queues=QUEUES, workers=options["workers"]
        )
        runner = Runner(roles, log_dir=home / "log")
        try:
            runner.start()
            self._write_pids(runner, home)
            self._announce(runner, ports, as_json=options["json"])
            while not stop.wait(TEND_S):
                if runner.tend():
                    self._write_pids(runner, home)
        except UnableToStart as error:
            raise CommandError(str(error)) from error
        finally:
            runner.stop()

    def _migrate(self) -> None:
        """Migrate as owner, in a process of its own: roles are per process."""
        env = {**os.environ, "CPMS_DATABASE_ROLE": "owner"}
        command = [sys.executable, "manage.py", "migrate", "-v", "0"]
        done = subprocess.run(command, env=env, check=False)  # noqa: S603
        if done.returncode:
            raise CommandError("The migrations failed; see above.")
        call_command("collectstatic", interactive=False, verbosity=0)

    def _write_pids(self, runner: Runner, home: Path) -> None:
        """Tell scripts which process is which, whole or not at all."""
        draft = home / "pids.json.tmp"
        draft.write_text(
            json.dumps({role.name: runner.pid(role.name) for role in runner.roles})
        )
        draft.replace(home / "pids.json")

    def _announce(self, runner: Runner, ports: Ports, *, as_json: bool) -> None:
        pids = {role.name: runner.pid(role.name) for role in runner.roles}
        web = f"http://{ports.host}:{ports.web}"
        ocpp = f"ws://{ports.host}:{ports.gateway}/ocpp/"
        if as_json:
            line = {"web": web, "ocpp": ocpp, "pids": pids}
            self.stdout.write(json.dumps(line))
        else:
            self.stdout.write(
                f"Ready. Admin {web}/admin/  API {web}/api/docs/  Chargers {ocpp}<id>"
            )
        self.stdout.flush()


def _require_free(host: str, number: int, option: str) -> None:
    """Say at once what would otherwise end a process after the migrations.

    Raises:
        CommandError: the port is taken, or none was named.
    """
    if not number:
        raise CommandError(f"{option} must be a port, 1 to 65535.", returncode=2)
    try:
        found = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in found[:1]:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError as error:
        raise refused(
            UnableToListen(
                "port_taken",
                f"Port {number} on {host} is not free ({error.strerror}). Choose "
                f"another one with {option} or stop what listens there.",
            )
        ) from error
