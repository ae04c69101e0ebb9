"""Stations of both versions; and the gateway's own Valkey, for tests over sockets."""

import pytest

from tests.conformance.responder import responder
from tests.conformance.stations import Station
from tests.integration.gateway.conftest import redis_url, valkey

__all__ = ["redis_url", "responder", "valkey"]


@pytest.fixture(params=["1.6", "2.0.1"])
def station(request):
    return Station(request.param)


@pytest.fixture
def new():
    return Station("2.0.1")


@pytest.fixture
def old():
    return Station("1.6")
