"""The provider simulator as a real process, for any test that needs one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[1]
START_S = 30
ANSWER_S = 30
STOP_S = 10


@dataclass
class PspProcess:
    """A running simulator and how to reach it."""

    base_url: str
    api_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    process: "subprocess.Popen[str]" = field(repr=False)

    def request(
        self, method: str, path: str, values: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Call a control path; a refusal raises with the simulator's message."""
        body = None if values is None else json.dumps(values).encode()
        request = Request(self.base_url + path, body, method=method)
        request.add_header("Authorization", f"Bearer {self.api_key}")
        request.add_header("Content-Type", "application/json")
        try:
            with urlopen(request, timeout=ANSWER_S) as answer:
                return json.load(answer)
        except HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read()!r}") from None

    def control(
        self, path: str, values: dict[str, Any] | None = None, *, method: str = "POST"
    ) -> dict[str, Any]:
        """Call `/_sim/<path>`, for example `control("clock", {"advance_s": 60})`."""
        sent = {} if values is None and method == "POST" else values
        return self.request(method, f"/_sim/{path}", sent)

    def books(self) -> dict[str, Any]:
        """Return the provider's own books."""
        return self.control("books", method="GET")

    def calls(self, path: str = "") -> list[dict[str, Any]]:
        """Return the recorded `/v1` calls whose path contains `path`."""
        query = f"?path={path}" if path else ""
        return self.control(f"calls{query}", method="GET")["calls"]

    def fault(self, kind: str, **members: Any) -> dict[str, Any]:
        """Put a fault rule in force."""
        return self.control("faults", {"kind": kind, **members})

    def kill(self) -> None:
        """Kill the process without warning (kill -9)."""
        self.process.kill()
        self.process.wait(STOP_S)


def _arguments(options: dict[str, Any]) -> list[str]:
    found = []
    for name, value in options.items():
        found += [f"--{name.replace('_', '-')}", str(value)]
    return found


def start_psp(**options: Any) -> PspProcess:
    """Start a simulator on a free port and wait until it listens.

    Options are the command line's, for example `hold_s=60, journal=path,
    webhook_url=...`; `api_key` and `webhook_secret` travel by environment.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for name in ("api_key", "webhook_secret"):
        value = options.pop(name, None)
        environment.pop(f"PSP_{name.upper()}", None)
        if value is not None:
            environment[f"PSP_{name.upper()}"] = str(value)
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators.psp", *_arguments(options)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.wait(STOP_S)
        raise AssertionError(f"The simulator ended at once: {process.returncode}")
    told = json.loads(line)
    return PspProcess(
        told["base_url"], told["api_key"], told["webhook_secret"], process
    )


def stop_psp(psp: PspProcess) -> None:
    """Stop a simulator and reap it."""
    if psp.process.poll() is None:
        psp.process.terminate()
        try:
            psp.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            psp.kill()
    assert psp.process.stdout is not None
    psp.process.stdout.close()


@contextmanager
def running_psp(**options: Any) -> Iterator[PspProcess]:
    """Run a simulator for the time of a `with` block."""
    psp = start_psp(**options)
    try:
        yield psp
    finally:
        stop_psp(psp)
