"""``manage.py run``: ready as JSON, and an orderly end."""

import json
import signal
import subprocess
import sys
import urllib.request

import pytest

from simulators.demo.system import System
from tests.integration.ops.test_commands import documented_keys
from tests.town import ROOT

pytestmark = pytest.mark.e2e
PATIENCE_S = 120


def test_the_whole_system_says_when_it_is_ready_and_ends_with_0(tmp_path):
    system = System(ROOT, tmp_path)
    argv = [
        *[sys.executable, "manage.py", "run", "--json"],
        *[f"--web-port={system.web_port}", f"--gateway-port={system.gateway_port}"],
    ]
    try:
        with subprocess.Popen(
            argv,
            cwd=ROOT,
            env=system.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        ) as process:
            ready = json.loads(process.stdout.readline())
            with urllib.request.urlopen(
                f"{ready['web']}/readyz", timeout=PATIENCE_S
            ) as answer:
                assert answer.status == 200
            process.send_signal(signal.SIGTERM)
            status = process.wait(PATIENCE_S)
    finally:
        system.stop()

    assert ready.keys() == documented_keys()["run"]
    assert ready["pids"].keys() == {"web", "gateway", "worker", "beat", "relay"}
    assert status == 0
