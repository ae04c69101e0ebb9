"""A short month: the whole one is ``make audit-demo``."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 600


def audit(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tests.audit", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


@pytest.mark.e2e
def test_every_cent_of_a_short_month_is_explained():
    done = audit("--orders", "80", "--seed", "7")

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    told = re.fullmatch(r"audit: OK (\d+) orders, .*", done.stdout.splitlines()[-1])
    # Refused starts are made up for in the last step, by some more than needed.
    assert told
    assert 70 <= int(told[1]) <= 90


def test_a_month_that_is_too_short_is_refused():
    done = audit("--orders", "10")

    assert done.returncode == 2
    assert "80 or more" in done.stderr
