"""``python -m tests.audit``: run the month, print the proof; 0 proved, 1 differs.

The domain, the database, the outbox, the subscribers and the provider are the real
ones; stations speak through the same services as the gateway's handlers, since a month
on the wire would take a month. Time and trouble are made up, from a seed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.psp_process import running_psp

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".cpms" / "audit"

WITHOUT_THE_DISK = """
from django.db import connection
name = connection.ops.quote_name(connection.settings_dict["NAME"])
connection.cursor().execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
"""
"""Workers die in this month, the database server does not: no commit has to wait for
the disk, which would only measure the disk."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.audit", description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000, help="at least 80")
    parser.add_argument("--seed", type=int, default=1, help="of the month's chances")
    options = parser.parse_args()
    if options.orders < 80:
        parser.error("--orders must be 80 or more: a month has a sale in its middle")
    return options


def _fresh_home() -> None:
    embedded = [sys.executable, "-m", "cpms.embedded", "erase", "--home", str(HOME)]
    subprocess.run(embedded, cwd=ROOT, capture_output=True, check=False)
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    environment = {**os.environ, "CPMS_DATABASE_ROLE": "owner"}
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
    quick = [sys.executable, "manage.py", "shell", "--command", WITHOUT_THE_DISK]
    subprocess.run(quick, cwd=ROOT, env=environment, check=True, capture_output=True)


def main() -> int:
    options = _options()
    os.environ.update(
        DJANGO_SETTINGS_MODULE="cpms.settings.dev",
        CPMS_HOME=str(HOME),
        LOG_LEVEL="CRITICAL",
        EMAIL_URL="memory:",
    )
    _fresh_home()
    (HOME / "static").mkdir()
    import django  # noqa: PLC0415 - needs the environment

    django.setup()
    from tests.audit.run import run  # noqa: PLC0415 - needs Django

    began = time.monotonic()
    orders, problems = run(options.orders, options.seed, running_psp)
    seconds = time.monotonic() - began
    sys.stdout.write(f"{seconds:.0f} s\n")
    if problems:
        for problem in problems[:40]:
            sys.stdout.write(f"  {problem}\n")
        sys.stdout.write(f"audit: {len(problems)} DIFFERENCES\n")
        return 1
    sys.stdout.write(f"audit: OK {orders} orders, every cent explained\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
