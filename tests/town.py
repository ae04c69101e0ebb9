"""One whole system of real processes for the tests that need all of it at once."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulators.demo import scenes
from simulators.demo.provider import Provider
from simulators.demo.system import System

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Town:
    """A running system with its seeded network."""

    system: System
    places: dict[str, scenes.Place]
    accounts: dict[str, str]

    def pid(self, name: str) -> int:
        """The present process id of a role or of an embedded server."""
        if name in {"postgres", "valkey"}:
            done = subprocess.run(
                [
                    *[sys.executable, "-m", "cpms.embedded", "status", "--json"],
                    *["--home", str(self.system.home)],
                ],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            )
            return int(json.loads(done.stdout)[name]["server_pid"])
        pids = json.loads((self.system.home / "pids.json").read_text())
        return int(pids[name])

    def kill(self, name: str) -> None:
        """kill -9."""
        os.kill(self.pid(name), signal.SIGKILL)

    def stop_provider(self) -> None:
        """kill -9 of the payment provider; its books are in a journal."""
        self.system.provider.kill()
        self.system.provider.wait()

    def start_provider_again(self) -> None:
        """The provider is back at its address, with its books."""
        self.system.start_provider()


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Start once per worker: every xdist worker has a town and ports of its own."""
    system = System(ROOT, tmp_path_factory.mktemp("town"))
    try:
        system.start_provider()
        system.start()
        provider = Provider(system.psp_url, system.psp_key)
        accounts = {
            code: provider.open_account(f"{code}@example.org")
            for code in ("north", "south")
        }
        network = system.manage(
            "seed_demo", *(f"--payee={code}={ref}" for code, ref in accounts.items())
        )
        places = scenes.places_of(network, system.web_url)
        named = {o["name"]: o["account"] for o in network["operators"]}
        yield Town(system, places, named)
    finally:
        system.stop()
