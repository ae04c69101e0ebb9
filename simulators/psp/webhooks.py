"""Delivery of events: signed, at least once, retried with backoff."""

import asyncio
import hashlib
import hmac
import http.client
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from simulators.psp.call import World
from simulators.psp.errors import Json
from simulators.psp.limits import (
    WEBHOOK_ATTEMPTS_MAX,
    WEBHOOK_BACKOFF_S,
    WEBHOOK_BACKOFF_S_MAX,
    WEBHOOK_QUEUE_MAX,
    WEBHOOK_TIMEOUT_S,
    WEBHOOK_WORKERS,
)
from simulators.psp.store import public


def sign(payload: bytes, secret: str, timestamp: int) -> str:
    """Return the `Stripe-Signature` header: HMAC-SHA256 over time and body."""
    signed = b"%d." % timestamp + payload
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def post(url: str, payload: bytes, signature: str) -> int:
    """Send one delivery and return the status (blocking)."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=WEBHOOK_TIMEOUT_S)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature,
        "User-Agent": "Stripe/1.0 (simulator)",
    }
    try:
        connection.request("POST", target, payload, headers)
        return connection.getresponse().status
    finally:
        connection.close()


@dataclass(slots=True)
class Delivery:
    """One event on its way to one endpoint."""

    account: str
    event_id: str
    endpoint_id: str
    attempt: int = 0


class Dispatcher:
    """Takes committed events and brings them to the endpoints."""

    def __init__(self, world: World) -> None:
        """Nothing runs before `start`."""
        self.world = world
        self.stats = {"delivered": 0, "retried": 0, "given_up": 0, "dropped": 0}
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue(WEBHOOK_QUEUE_MAX)
        self._threads = ThreadPoolExecutor(WEBHOOK_WORKERS, "webhook")
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: list[Delivery] = []
        self._open = 0

    def start(self) -> None:
        """Begin to deliver, first what a former process left undelivered."""
        for account, event in self.world.store.every("event"):
            if event["pending_webhooks"] > 0:
                self.take([(account, event["id"])])
        for _ in range(WEBHOOK_WORKERS):
            self._spawn(self._work())

    async def stop(self) -> None:
        """Stop delivering; what is open stays marked as pending."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    @property
    def waiting(self) -> int:
        """Deliveries not yet done or given up."""
        return self._open

    def take(self, events: Iterable[tuple[str, str]]) -> None:
        """Queue committed events for every endpoint that wants them."""
        for account, reference in events:
            event = self.world.store.find(account, "event", reference)
            if event is None or event["pending_webhooks"] == 0:
                continue
            for endpoint in self.world.store.listeners(account, event["type"]):
                for _ in range(1 + self.world.rules.webhook_duplicates):
                    self._admit(Delivery(account, reference, endpoint["id"]))

    def _admit(self, delivery: Delivery) -> None:
        self._open += 1
        if self.world.rules.webhook_reorder_ms == 0:
            self._enqueue(delivery)
            return
        self._held.append(delivery)
        if len(self._held) == 1:
            self._spawn(self._release_reversed())

    async def _release_reversed(self) -> None:
        await asyncio.sleep(self.world.rules.webhook_reorder_ms / 1000)
        held, self._held = self._held, []
        for delivery in reversed(held):
            self._enqueue(delivery)

    def _enqueue(self, delivery: Delivery) -> None:
        try:
            self._queue.put_nowait(delivery)
        except asyncio.QueueFull:
            # The event stays in the list of events, where a poller finds it.
            self._finish("dropped")

    def _finish(self, how: str) -> None:
        self.stats[how] += 1
        self._open -= 1

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        while True:
            await self._deliver(await self._queue.get())

    async def _deliver(self, delivery: Delivery) -> None:
        store = self.world.store
        event = store.find(delivery.account, "event", delivery.event_id)
        endpoint = self._endpoint(delivery.endpoint_id)
        if event is None or endpoint is None:
            self._finish("dropped")
            return
        if self.world.rules.webhook_latency_ms:
            await asyncio.sleep(self.world.rules.webhook_latency_ms / 1000)
        payload = orjson.dumps(public(event))
        signature = sign(payload, endpoint["secret"], self.world.clock.now())
        loop = asyncio.get_running_loop()
        try:
            status = await loop.run_in_executor(
                self._threads, post, endpoint["url"], payload, signature
            )
        except (OSError, http.client.HTTPException):
            status = 0
        if 200 <= status < 300:
            self._done(delivery)
        else:
            self._again(delivery)

    def _endpoint(self, reference: str) -> Json | None:
        return self.world.store.find("acct_platform", "webhook_endpoint", reference)

    def _done(self, delivery: Delivery) -> None:
        self._finish("delivered")
        unit = self.world.unit()
        event = unit.find(delivery.account, "event", delivery.event_id)
        if event is not None and event["pending_webhooks"] > 0:
            event["pending_webhooks"] -= 1
            unit.put(delivery.account, "event", event)
            self.world.store.commit(unit)

    def _again(self, delivery: Delivery) -> None:
        delivery.attempt += 1
        if delivery.attempt >= WEBHOOK_ATTEMPTS_MAX:
            self._finish("given_up")
            return
        self.stats["retried"] += 1
        self._spawn(self._later(delivery))

    async def _later(self, delivery: Delivery) -> None:
        backoff = WEBHOOK_BACKOFF_S * 2 ** (delivery.attempt - 1)
        await asyncio.sleep(min(backoff, WEBHOOK_BACKOFF_S_MAX))
        self._enqueue(delivery)
