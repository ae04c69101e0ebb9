"""Redis: wake-ups between processes. Losing it costs time, never a charge."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Mapping
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from charge_points.gateway import metrics
from charge_points.gateway.limits import Limits

logger = logging.getLogger(__name__)

# Payload: a charge point id, or several with commas, whose commands wait.
COMMANDS: Final = "cpms:commands"
# Payload: <charge point id>/<generation>: older connections have to go.
EVICTIONS: Final = "cpms:evictions"
# Payload: nothing. Something was revoked, or the built-in CA changed.
TRUST: Final = "cpms:trust"

Listener = Callable[[str], None]
REDIS_ERRORS: Final = (RedisError, OSError, asyncio.TimeoutError)


class Bus:
    """One Redis client of a process: calls with a deadline, and one subscription."""

    def __init__(self, url: str, limits: Limits) -> None:
        """Connect lazily: a gateway starts without Redis, too."""
        self._limits = limits
        self._is_up: bool | None = None
        self.redis: Redis = Redis.from_url(
            url,
            socket_timeout=limits.redis_timeout_s,
            socket_connect_timeout=limits.redis_timeout_s,
            decode_responses=True,
            max_connections=8,
        )

    @property
    def is_up(self) -> bool:
        """Whether the last use of Redis worked."""
        return self._is_up is True

    def note(self, *, is_up: bool) -> None:
        """Remember how the last use went; changes are logged once."""
        if not is_up:
            metrics.REDIS_FAILURES.inc()
        if is_up is self._is_up:
            return
        self._is_up = is_up
        metrics.REDIS_UP.set(int(is_up))
        if is_up:
            logger.info("redis is there")
        else:
            logger.warning(
                "redis is away: charging goes on; commands are polled, presence and "
                "evictions between processes wait"
            )

    async def publish(self, messages: list[tuple[str, str]]) -> bool:
        """Publish (channel, payload) pairs; False when Redis is away."""
        try:
            async with self.redis.pipeline(transaction=False) as pipeline:
                for channel, payload in messages:
                    pipeline.publish(channel, payload)
                await pipeline.execute()
        except REDIS_ERRORS:
            self.note(is_up=False)
            return False
        self.note(is_up=True)
        return True

    async def listen(
        self, listeners: Mapping[str, Listener], on_ready: Callable[[], None]
    ) -> None:
        """Deliver messages for ever; ``on_ready`` after every (re)subscription.

        What was published while Redis was away is lost: ``on_ready`` has to look for
        it in the database.
        """
        pause_s = self._limits.redis_retry_min_s
        while True:
            try:
                async with self.redis.pubsub() as inbox:
                    await inbox.subscribe(*listeners)
                    self.note(is_up=True)
                    pause_s = self._limits.redis_retry_min_s
                    on_ready()
                    await self._deliver(inbox, listeners)
            except REDIS_ERRORS:
                self.note(is_up=False)
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            pause_s = min(pause_s * 2, self._limits.redis_retry_max_s)

    async def _deliver(self, inbox: Any, listeners: Mapping[str, Listener]) -> None:  # noqa: ANN401 - untyped in redis
        while True:
            message = await inbox.get_message(timeout=self._limits.redis_timeout_s)
            if message is None:
                # Silence is no proof of life: a dead peer never says so.
                await inbox.ping()
                continue
            listener = listeners.get(message["channel"])
            if listener is None or message["type"] != "message":
                continue
            try:
                listener(message["data"])
            except Exception:
                logger.exception("a message on %s failed", message["channel"])

    async def close(self) -> None:
        """Give the sockets back."""
        with contextlib.suppress(*REDIS_ERRORS):
            await self.redis.aclose()
