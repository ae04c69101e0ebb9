"""The gateway as a process of its own, and stations that connect to it."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from websockets.asyncio.client import connect

from charge_points.services import id_tokens, provisioning
from cpms.accounts.models import Operator
from cpms.embedded import ensure_postgres
from tests.integration.gateway.world import PATIENCE_S, basic

ROOT = Path(__file__).resolve().parents[3]

PASSWORD = "0123456789abcdef0123"


@pytest.fixture
def network(transactional_db):
    """An operator with eight charge points and a token."""
    now = timezone.now()
    Operator.objects.create(code="north", name="N", country="DE", currency="EUR")
    for number in range(8):
        provisioning.create_charge_point(
            wanted=provisioning.NewChargePoint(
                "north", f"CP-{number}", password=PASSWORD, max_power_w=22_000
            ),
            by="tests",
            at=now,
        )
    id_tokens.put_policy(token="TAG", status="accepted", operator_id=None, at=now)


@contextmanager
def gateway(redis_url, *options):
    """``manage.py ocpp_gateway`` on the test database; yields process and ready."""
    base = ensure_postgres(settings.CPMS_HOME).system
    name = connection.settings_dict["NAME"]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "cpms.settings.dev",
        "DATABASE_URL_SYSTEM": base.rsplit("/", 1)[0] + f"/{name}",
        "CPMS_DATABASE_ROLE": "system",
        "CPMS_HOME": str(settings.CPMS_HOME),
        "REDIS_URL": redis_url,
        "LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "ocpp_gateway", "--port=0", "--json", *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def client(ready, identity, subprotocol="ocpp1.6", **options):
    return connect(
        options.pop("url", f"ws://127.0.0.1:{ready['port']}/ocpp/{identity}"),
        subprotocols=[subprotocol],
        additional_headers={"Authorization": basic(identity, PASSWORD)},
        compression=None,
        **options,
    )
