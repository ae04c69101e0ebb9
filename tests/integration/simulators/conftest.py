from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from simulators.charge_point import SimulatedStation, StationOptions
from tests.integration.simulators.ocpp_server import ocpp_server
from tests.integration.simulators.platform_stub import platform_stub

FAST = {
    "tick_s": 0.005,
    "time_scale": 3600,
    "behind_s": 30 * 24 * 3600,
    "reconnect_delay_s": 0.02,
    "response_timeout_s": 5.0,
    "timeout_s": 10.0,
    "late_stop_s": 0.05,
}


@pytest_asyncio.fixture
async def server():
    async with ocpp_server() as running:
        yield running


@pytest.fixture
def platform():
    with platform_stub() as running:
        yield running


@pytest.fixture
def station_of(server):
    """``async with station_of("1.6", stock=True) as station: …``."""

    @asynccontextmanager
    async def build(version, *, identity="CP1", password="", start=True, **options):
        station = SimulatedStation(
            server.url,
            identity,
            version,
            password,
            StationOptions(**{**FAST, **options}),
        )
        try:
            if start:
                await station.start()
            yield station
        finally:
            await station.close()

    return build
