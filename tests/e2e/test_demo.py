"""The README's first command, run as a stranger would."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO_S = 3600  # the demo ends what hangs by itself, and says what it waited for


@pytest.mark.e2e
def test_the_demo_proves_every_cent(tmp_path):
    result = tmp_path / "demo.json"

    done = subprocess.run(
        [
            *[sys.executable, "-m", "simulators.demo"],
            *["--home", str(tmp_path / "home"), "--result", str(result)],
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEMO_S,
    )

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    told = json.loads(result.read_text())
    assert told["ok"] is True
    assert told["ledger"] == {"balanced": True, "platform_held_minor": 0}
    assert {row["ocpp"] for row in told["orders"]} == {"1.6", "2.0.1"}
    assert {row["started_by"] for row in told["orders"]} == {
        "certificate",
        "token",
        "driver_api",
        "guest",
        "operator",
        "offline",
    }
    owed = {row["started_by"] for row in told["orders"] if not row["captured_minor"]}
    assert owed == {"operator"}
    assert len({row["payee_account"] for row in told["orders"]}) == 2
