"""The door of every call to a provider.

Nobody passes inside a database transaction, which the provider's slowness would hold
open; nobody passes faster than the account's pace, counted in Valkey for all processes
together; and when a provider says "too many" (429) about an account, only that account
waits, for as long as it asked. Who cannot pass gets ``ProviderThrottled`` with the time
to come back: nothing was sent, so the same question waits and does not fail.

Valkey is a help here and no witness: while it is away each process keeps the pace by
itself, and the provider's own 429 is still obeyed by the process that heard it.
"""

import math
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import redis
import structlog
from django.conf import settings
from django.db import connection, transaction

from settlement.providers.errors import ProviderThrottled

CALLS_PER_S_DEFAULT: Final = 80.0
"""Below the 100 a second that the provider allows an account in live mode."""
CALLS_BURST_DEFAULT: Final = 80
CALLS_BURST_MIN: Final = 5
"""One question may need some calls (a card is cloned, then asked)."""
PAUSE_FIRST_S_DEFAULT: Final = 1.0
PAUSE_MAX_S: Final = 60.0
PAUSE_WISH_MAX_S: Final = 600.0
"""A longer wish of the provider is asked about again after this time."""
CALM_ANSWERS: Final = 20
"""So many answers between two 429s: the account is not overloaded, and the next pause
begins at the first one again. Otherwise a busy account with a 429 now and then would
pause longer and longer."""
STRIKES_AFTER_S: Final = 5
"""Without a 429 for so long after a pause of the same length, the next one begins at
the first pause again."""
JITTER_PART: Final = 0.5
"""Those who wait do not come back in the same moment: up to a half later."""
VALKEY_TIMEOUT_S: Final = 0.5
VALKEY_AGAIN_AFTER_S: Final = 5.0
LOCAL_PLACES_MAX: Final = 10_000

# KEYS: pace, pause, strikes. ARGV: microseconds a call, burst, "1" = passes on credit.
# The pace is one instant: when the account will have worked off what it was asked. A
# call passes while that is less than a burst ahead, which is also the most that an
# account can owe, whatever the pace was before. Returns microseconds to wait, and
# whether 429s are counted.
_ENTER: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local paused = tonumber(redis.call('GET', KEYS[2]) or '0')
if paused > now then return {paused - now, 1} end
local each, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local done = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
done = math.min(done, now + each * burst)
local wait = math.max(done + each - each * burst - now, 0)
if ARGV[3] == '1' then wait = 0 end
if wait == 0 then done = done + each end
redis.call('SET', KEYS[1], string.format('%.0f', done),
           'PX', math.ceil((done - now) / 1000) + 1000)
return {wait, redis.call('EXISTS', KEYS[3])}
"""
# KEYS: strikes. ARGV: how many answers end them.
_WELL: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if redis.call('HINCRBY', KEYS[1], 'answers', 1) >= tonumber(ARGV[1]) then
    redis.call('DEL', KEYS[1])
end
return 0
"""
# KEYS: pause, strikes. ARGV: the provider's wish in microseconds or 0, first and
# longest pause, the strikes' life beyond two pauses in seconds. Returns microseconds.
_PAUSE: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local strikes = redis.call('HINCRBY', KEYS[2], 'strikes', 1)
redis.call('HSET', KEYS[2], 'answers', 0)
local wait = tonumber(ARGV[2]) * 2 ^ math.min(strikes - 1, 20)
wait = math.max(math.min(wait, tonumber(ARGV[3])), tonumber(ARGV[1]))
redis.call('EXPIRE', KEYS[2], math.ceil(wait * 2 / 1000000) + tonumber(ARGV[4]))
local known = tonumber(redis.call('GET', KEYS[1]) or '0')
local till = math.max(known, now + wait)
redis.call('SET', KEYS[1], string.format('%.0f', till),
           'PX', math.ceil((till - now) / 1000))
return till - now
"""
_MICRO: Final = 1_000_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one account may be asked.

    Attributes:
        calls_per_s: calls a second in the long run, > 0.
        burst: calls at once after a rest, at least ``CALLS_BURST_MIN``.
        pause_s: the first pause after a 429 that names no time; doubles while they
            go on.
    """

    calls_per_s: float = CALLS_PER_S_DEFAULT
    burst: int = CALLS_BURST_DEFAULT
    pause_s: float = PAUSE_FIRST_S_DEFAULT

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: says which one is wrong.
        """
        if self.calls_per_s <= 0:
            raise ValueError("calls_per_s must be positive.")
        if self.burst < CALLS_BURST_MIN:
            raise ValueError(f"calls_burst must be at least {CALLS_BURST_MIN}.")
        if not 0 < self.pause_s <= PAUSE_MAX_S:
            raise ValueError(f"calls_pause_s must be above 0, up to {PAUSE_MAX_S}.")


class _Local:
    """The pace as one process keeps it alone, while Valkey is away."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: dict[str, float] = {}
        self._paused: dict[str, float] = {}

    def wait_s(self, place: str, pace: Pace, *, on_credit: bool) -> float:
        now, each = time.monotonic(), 1 / pace.calls_per_s
        with self._lock:
            paused = self._paused.get(place, 0.0)
            if paused > now:
                return paused - now
            self._forget(now)
            done = max(self._done.get(place, 0.0), now)
            done = min(done, now + each * pace.burst)
            wait = done + each - each * pace.burst - now
            if wait > 0 and not on_credit:
                self._done[place] = done
                return wait
            self._done[place] = done + each
        return 0.0

    def pause(self, place: str, seconds: float) -> None:
        with self._lock:
            till = time.monotonic() + seconds
            self._paused[place] = max(self._paused.get(place, 0.0), till)

    def _forget(self, now: float) -> None:
        """What lies in the past says nothing any more."""
        for known in (self._done, self._paused):
            if len(known) > LOCAL_PLACES_MAX:
                for place in [name for name, till in known.items() if till <= now]:
                    del known[place]


_local = _Local()
_asking: ContextVar[dict[str, bool] | None] = ContextVar("asking", default=None)


class _Valkey:
    """The counters that all processes share."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=VALKEY_TIMEOUT_S,
            socket_connect_timeout=VALKEY_TIMEOUT_S,
        )
        self._enter = self._client.register_script(_ENTER)
        self._pause = self._client.register_script(_PAUSE)
        self._well = self._client.register_script(_WELL)
        self._away_until = 0.0

    def wait_s(
        self, place: str, pace: Pace, *, on_credit: bool
    ) -> tuple[float | None, bool]:
        """Seconds to wait, 0 = pass, None when Valkey is away; whether 429s count."""
        found = self._ask(
            self._enter,
            [f"cpms:pace:{place}", f"cpms:pause:{place}", f"cpms:strikes:{place}"],
            [round(_MICRO / pace.calls_per_s), pace.burst, int(on_credit)],
        )
        if found is None:
            return None, False
        return float(found[0]) / _MICRO, bool(found[1])

    def went_well(self, place: str) -> None:
        """Count an answer that was no 429."""
        self._ask(self._well, [f"cpms:strikes:{place}"], [CALM_ANSWERS])

    def pause_s(self, place: str, pace: Pace, wish_s: float) -> float | None:
        """Seconds that the place pauses from now; None when Valkey is away."""
        first, longest = round(pace.pause_s * _MICRO), round(PAUSE_MAX_S * _MICRO)
        found = self._ask(
            self._pause,
            [f"cpms:pause:{place}", f"cpms:strikes:{place}"],
            [round(wish_s * _MICRO), first, longest, STRIKES_AFTER_S],
        )
        return None if found is None else float(found) / _MICRO

    def _ask(
        self,
        script: "redis.commands.core.Script",
        keys: list[str],
        args: list[int],
    ) -> Any:  # noqa: ANN401 - as the script has it; None when Valkey is away
        if time.monotonic() < self._away_until:
            return None
        try:
            return script(keys=keys, args=args)
        except redis.RedisError as error:
            self._away_until = time.monotonic() + VALKEY_AGAIN_AFTER_S
            log.warning("provider_pace_kept_alone", error=type(error).__name__)
            return None


@cache
def _valkey(url: str) -> _Valkey:
    return _Valkey(url)


@contextmanager
def one_question() -> Iterator[None]:
    """Calls that belong together: once the first passed, the others pass on credit.

    So a question that needs two calls is not stopped between them again and again.
    """
    token = _asking.set({})
    try:
        yield
    finally:
        _asking.reset(token)


def enter(place: str, pace: Pace) -> bool:
    """Let a call through, or say when to come back.

    Args:
        place: provider, address and account: who counts together.
        pace: how fast the account may be asked.

    Returns:
        Whether a good answer is to be told (``went_well``): there were 429s lately.

    Raises:
        ProviderThrottled: not now; nothing was sent.
        RuntimeError: called inside a database transaction.
    """
    _outside_of_transactions()
    asking = _asking.get()
    on_credit = asking is not None and place in asking
    wait_s, struck = _valkey(settings.REDIS_URL).wait_s(
        place, pace, on_credit=on_credit
    )
    # What this process heard itself counts even when Valkey has lost it.
    alone_s = _local.wait_s(place, pace, on_credit=on_credit or wait_s is not None)
    wait_s = max(wait_s or 0.0, alone_s)
    if wait_s > 0:
        raise ProviderThrottled(
            f"The provider is asked about {place} as fast as it may be.",
            retry_after_s=_later(wait_s),
        )
    if asking is not None:
        asking[place] = True
    return struck


def went_well(place: str) -> None:
    """The provider answered: some of these end the count of its 429s."""
    _valkey(settings.REDIS_URL).went_well(place)


def too_many(place: str, pace: Pace, *, wish_s: float | None) -> float:
    """The provider answered 429: nobody asks about this account for a while.

    Args:
        place: as for ``enter``.
        pace: as for ``enter``.
        wish_s: its ``Retry-After`` in seconds, when it told one.

    Returns:
        The seconds after which to come back.
    """
    wish = min(max(wish_s or 0.0, 0.0), PAUSE_WISH_MAX_S)
    pause_s = _valkey(settings.REDIS_URL).pause_s(place, pace, wish)
    if pause_s is None:
        pause_s = max(wish, pace.pause_s)
    _local.pause(place, pause_s)
    log.warning("provider_says_too_many", place=place, pause_s=round(pause_s, 1))
    return _later(pause_s)


def _later(wait_s: float) -> float:
    jitter = 1 + random.random() * JITTER_PART  # noqa: S311 - not a secret
    return math.ceil(wait_s * jitter * 1000) / 1000


def _outside_of_transactions() -> None:
    if not connection.in_atomic_block:
        return
    try:
        # Django's own word for "the outermost"; a test's own transaction is let be.
        with transaction.atomic(durable=True):
            pass
    except RuntimeError as error:
        raise RuntimeError(
            "A payment provider is called inside a database transaction; commit "
            "first, then ask."
        ) from error
