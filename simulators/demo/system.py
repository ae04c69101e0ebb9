"""The system under demonstration: its processes and its command line."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from simulators.errors import SimulatorError

STOP_S: Final = 30
COMMAND_S: Final = 300


class UnableToRunSystem(SimulatorError):
    """A process of the system did not start or a command failed."""


def free_port() -> int:
    """A TCP port that nobody uses at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class System:
    """All processes of the demo and how to speak to them.

    Args:
        root: the checkout.
        home: where the demo keeps its database and logs; emptied at the start.
    """

    root: Path
    home: Path
    web_port: int = field(default_factory=free_port)
    gateway_port: int = field(default_factory=free_port)
    psp_url: str = ""
    psp_key: str = field(default_factory=lambda: "sk_test_" + secrets.token_hex(16))
    webhook_secret: str = field(default_factory=lambda: secrets.token_hex(24))
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    pids: dict[str, int] = field(default_factory=dict)
    provider: subprocess.Popen[str] = field(init=False, repr=False)

    @property
    def web_url(self) -> str:
        """Address of the web process."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def ocpp_url(self) -> str:
        """Address that stations connect to, without their identity."""
        return f"ws://127.0.0.1:{self.gateway_port}/ocpp"

    def environment(self) -> dict[str, str]:
        """What every process of the demo gets."""
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "cpms.settings.dev",
            "CPMS_HOME": str(self.home),
            "PUBLIC_BASE_URL": self.web_url,
            "STRIPE_BASE_URL": self.psp_url,
            "STRIPE_API_KEY": self.psp_key,
            "STRIPE_WEBHOOK_SECRET": self.webhook_secret,
            "CLAIM_RATE_LIMIT": "600/min",
            "SIGN_UP_RATE_LIMIT": "600/hour",
            # Responders of contract certificates run on this machine.
            "OUTGOING_NETWORKS": "127.0.0.0/8",
        }

    def wipe(self) -> None:
        """End what an earlier demo left and forget its data."""
        command = [sys.executable, "-m", "cpms.embedded", "erase"]
        subprocess.run(  # noqa: S603 - our own command
            [*command, "--home", str(self.home)],
            cwd=self.root,
            capture_output=True,
            check=False,
            timeout=COMMAND_S,
        )
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)

    def start_provider(self) -> None:
        """Start the payment provider; its books survive a crash in a journal.

        Started again, it is where it was.
        """
        environment = {
            **os.environ,
            "PSP_API_KEY": self.psp_key,
            "PSP_WEBHOOK_SECRET": self.webhook_secret,
        }
        told = self._start(
            [
                *[sys.executable, "-m", "simulators.psp"],
                *["--webhook-url", f"{self.web_url}/webhooks/payments/stripe/"],
                *["--journal", str(self.home / "provider.journal")],
                *["--port", str(urlsplit(self.psp_url).port or 0)],
            ],
            environment,
        )
        self.psp_url = str(told["base_url"])
        self.provider = self.processes[-1]

    def start(self) -> None:
        """Start gateway, web, worker, beat and relay; returns when they are ready."""
        told = self._start(
            [
                *[sys.executable, "manage.py", "run", "--json"],
                *["--web-port", str(self.web_port)],
                *["--gateway-port", str(self.gateway_port)],
            ],
            self.environment(),
        )
        self.pids = dict(told["pids"])

    def _start(
        self, command: Sequence[str], environment: Mapping[str, str]
    ) -> dict[str, Any]:
        with (self.home / "demo.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                cwd=self.root,
                env=dict(environment),
                stdout=subprocess.PIPE,
                stderr=log,
                stdin=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
        self.processes.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            with contextlib.suppress(ValueError):
                return dict(json.loads(line))
        raise UnableToRunSystem(
            f"{' '.join(command[1:4])} ended with {process.wait()} before it was "
            f"ready; see {self.home / 'demo.log'} and {self.home / 'log'}."
        )

    def manage(self, *arguments: str) -> dict[str, Any]:
        """Run a ``manage.py`` command with ``--json`` and return what it printed.

        Raises:
            UnableToRunSystem: it printed no JSON.
        """
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "manage.py", *arguments, "--json"],
            cwd=self.root,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )
        for line in reversed(done.stdout.splitlines()):
            with contextlib.suppress(ValueError):
                return {"exit_code": done.returncode, **json.loads(line)}
        with contextlib.suppress(ValueError):
            return {"exit_code": done.returncode, **json.loads(done.stdout)}
        raise UnableToRunSystem(
            f"manage.py {arguments[0]} ended with {done.returncode}: "
            f"{done.stderr.strip()[-400:]}"
        )

    def stop(self) -> None:
        """Stop all processes, the provider last, and the embedded servers."""
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            if process.stdout is not None:
                process.stdout.close()
        command = [sys.executable, "-m", "cpms.embedded", "stop"]
        subprocess.run(  # noqa: S603 - our own command
            [*command, "--home", str(self.home)],
            cwd=self.root,
            capture_output=True,
            check=False,
            timeout=COMMAND_S,
        )
