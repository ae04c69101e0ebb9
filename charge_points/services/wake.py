"""Wake-ups by Redis, after the commit. Losing one costs the poll interval only."""

import logging
from collections.abc import Iterable
from functools import cache
from typing import Final

import redis
from django.conf import settings
from django.db import transaction
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# Payload: charge point ids with commas, whose commands wait.
COMMANDS_CHANNEL: Final = "cpms:commands"
# Payload: nothing; a certificate was revoked, or the built-in CA changed.
TRUST_CHANNEL: Final = "cpms:trust"
TIMEOUT_S: Final = 0.5


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        max_connections=4,
    )


def _publish(channel: str, payload: str) -> None:
    try:
        _client().publish(channel, payload)
    except (RedisError, OSError) as error:
        logger.info("no wake-up on %s, its listeners poll: %s", channel, error)


def wake_commands(charge_point_ids: Iterable[int]) -> None:
    """After the commit, tell the gateways whose commands wait."""
    payload = ",".join(str(key) for key in charge_point_ids)
    if payload:
        transaction.on_commit(lambda: _publish(COMMANDS_CHANNEL, payload))


def wake_trust() -> None:
    """After the commit, let the gateways look at what was revoked."""
    transaction.on_commit(lambda: _publish(TRUST_CHANNEL, ""))
