"""What the gateway benches run on: an own home, real processes, the load generator."""

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "bench-password-1234"
TOKEN = "BENCHTOKEN"
START_S = 60
COMPLETE = 1_000
STATIONS = 5_000

# A token that may charge at all stations at the same time; the first stations with
# EVSE and connector, the others (that only connect) in one statement.
SEED = """
from django.utils import timezone
from django.db import transaction
from cpms.accounts.models import Operator
from charge_points.models import ChargePoint
from charge_points.services import id_tokens, provisioning
now = timezone.now()
with transaction.atomic():
    Operator.objects.create(
        code="bench", name="Bench", country="DE", currency="EUR")
    for number in range(1, {complete} + 1):
        provisioning.create_charge_point(
            wanted=provisioning.NewChargePoint(
                "bench", f"CP{{number:05d}}", password={password!r},
                max_power_w=22_000),
            by="bench", at=now)
    model = ChargePoint.objects.first()
    rows = []
    for number in range({complete} + 1, {stations} + 1):
        model.pk, model.identity = None, f"CP{{number:05d}}"
        rows.append(ChargePoint(**{{
            field.attname: getattr(model, field.attname)
            for field in model._meta.concrete_fields}}))
    ChargePoint.objects.bulk_create(rows)
    id_tokens.put_policy(
        token={token!r}, status="accepted", operator_id=None, at=now,
        concurrent_allowed=True)
"""


def manage(place, *arguments):
    """Run a management command to its end."""
    subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(place),
        check=True,
        stdout=subprocess.DEVNULL,
    )


def environment(place):
    """The environment of the bench's processes: nothing of the checkout's own home."""
    env = {
        k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}
    }
    env.pop("DJANGO_SETTINGS_MODULE", None)
    return {**env, "CPMS_HOME": str(place), "LOG_LEVEL": "WARNING"}


@cache
def home():
    """A fresh home with migrated database and stations CP00001 and up.

    Made at the first use, shared by the benches of a run, erased at its end.
    """
    place = Path(tempfile.mkdtemp(prefix="cpms-bench-"))
    atexit.register(erase, place)
    manage(place, "migrate", "-v", "0")
    seed = SEED.format(
        complete=COMPLETE, stations=STATIONS, password=PASSWORD, token=TOKEN
    )
    manage(place, "shell", "-v", "0", "-c", seed)
    return place


def erase(place):
    """Stop the servers of a home and delete it."""
    subprocess.run(
        [sys.executable, "-m", "cpms.embedded", "erase", "--home", str(place)],
        cwd=ROOT,
        check=False,
        stdout=subprocess.DEVNULL,
    )
    shutil.rmtree(place, ignore_errors=True)


@contextmanager
def process(*arguments, place=None):
    """A server process; yields it and the first line that it prints."""
    server = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(place or ROOT / ".cpms"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = server.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(arguments)} did not start")
        yield server, line
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        server.stdout.close()


@contextmanager
def gateway(*options):
    """The real gateway; yields process and port."""
    arguments = ("manage.py", "ocpp_gateway", "--port", "0", "--json", *options)
    with process(*arguments, place=home()) as (server, line):
        yield server, json.loads(line)["port"]


@contextmanager
def baseline(*arguments):
    """One of ``tests.bench.servers``; yields process and port."""
    with process("-m", "tests.bench.servers", *arguments) as (server, line):
        yield server, int(line)


def free_port():
    """A TCP port that nobody uses at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def load(port, message, *, connections, seconds, first=1, **options):
    """Run the load generator in its own process; its report."""
    arguments = [
        *("--url", f"ws://127.0.0.1:{port}/ocpp", "--message", message),
        *("--connections", str(connections), "--seconds", str(seconds)),
        *("--first", str(first), "--password", PASSWORD, "--token", TOKEN),
        *("--warmup", "0.5", "--json"),
    ]
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        arguments += [flag] if value is True else [flag, str(value)]
    done = subprocess.run(
        [sys.executable, "-m", "simulators", "load", *arguments],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    report = json.loads(done.stdout)
    if not report["ok"]:
        raise RuntimeError(f"the load failed: {report}")
    return report
