"""The gateway as it runs, with the real doors and handlers, for foreign clients."""

import gc
import json
from contextlib import asynccontextmanager

from django.db import connection
from django.utils import timezone

from charge_points.gateway.process import Options, plan_of
from charge_points.gateway.server import Gateway
from charge_points.services import provisioning
from tests.conformance.stations import an_operator
from tests.integration.gateway.world import World

PASSWORD = "0123456789abcdef0123"


def add_station(identity, version):
    """A station of ours that may connect."""
    an_operator()
    made = provisioning.create_charge_point(
        wanted=provisioning.NewChargePoint(
            "op", identity, password=PASSWORD, ocpp_version=version, evses=2
        ),
        by="test",
        at=timezone.now(),
    )
    connection.close()
    return made


@asynccontextmanager
async def serving(redis_url, settings):
    """A gateway on a free port, drained at the end."""
    settings.REDIS_URL = redis_url
    ports = []
    thresholds = gc.get_threshold()
    gateway = Gateway(plan_of(Options("127.0.0.1", 0), ports.extend))
    await gateway.start()
    try:
        yield World(gateway, None, None, ports[0])
    finally:
        gateway.stop()
        assert await gateway.drain()
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def frame(kind, *parts):
    """A message as text."""
    return json.dumps([kind, *parts])
