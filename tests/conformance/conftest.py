"""The gateway's own Valkey, for the tests that speak over sockets."""

from tests.integration.gateway.conftest import redis_url, valkey

__all__ = ["redis_url", "valkey"]
