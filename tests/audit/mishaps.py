"""What goes wrong in a month: crashes, lost answers, webhooks twice or never."""

import random
import threading
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from django.test import Client

from cpms.outbox import delivery
from settlement.providers.stripe_connect.adapter import StripeConnect

CRASH_PER_MILLE = 3
FAULTS = (
    ("lost_answer", 2),
    ("error_before", 2),
    ("error_after", 1),
    ("rate_limit", 1),
)
"""Of the calls to the provider, in percent."""

WEBHOOK_LOST_PERCENT = 5
WEBHOOK_TWICE_PERCENT = 20
PROVIDER_CALLS = ("authorize", "capture", "refund", "cancel", "open_checkout")


Webhook = tuple[bytes, str]
"""Body and signature."""


class Crash(BaseException):
    """The worker is killed here: nothing of it runs on."""


class Mishaps:
    """All trouble of the month, from one seeded source."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.calm = False

    def _strikes(self, per_mille: int) -> bool:
        with self._lock:
            return not self.calm and self.random.randrange(1000) < per_mille

    def maybe_crash(self, where: str) -> None:
        if self._strikes(CRASH_PER_MILLE):
            raise Crash(where)

    @contextmanager
    def in_force(self, psp):
        """Crashes around every commit and provider call; faults at the provider."""
        done, calls = delivery._mark_done, {}
        # Events are dated by the database, whose clock does not jump.
        delivery.PATIENCE = timedelta(days=90)

        def mark_done(ids):
            self.maybe_crash("before the commit")
            return done(ids)

        def wrapped(name, call):
            def around(*args, **kwargs):
                self.maybe_crash(f"before {name}")
                answer = call(*args, **kwargs)
                self.maybe_crash(f"after {name}")
                return answer

            return around

        for name in PROVIDER_CALLS:
            calls[name] = getattr(StripeConnect, name)
            setattr(StripeConnect, name, wrapped(name, calls[name]))
        delivery._mark_done = mark_done
        rules = [
            psp.fault(kind, path="/v1/", probability_percent=percent, times=0)
            for kind, percent in FAULTS
        ]
        try:
            yield rules
        finally:
            delivery._mark_done = done
            for name, call in calls.items():
                setattr(StripeConnect, name, call)

    def calm_down(self, psp) -> None:
        """The last hours are quiet, so that every retry comes to its end."""
        rules = psp.control("faults", method="GET")["rules"]
        self.counts.update({f"provider {r['kind']}": r["hits"] for r in rules})
        psp.control("faults", method="DELETE")
        self.calm = True


class Inbox:
    """Where the provider's webhooks arrive; they are handed on in any order."""

    def __init__(self, mishaps: Mishaps) -> None:
        self._mishaps = mishaps
        self._waiting: list[Webhook] = []
        self._lock = threading.Lock()
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with inbox._lock:
                    inbox._waiting.append((body, self.headers["Stripe-Signature"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def hand_on(self) -> list[Webhook]:
        """Take out what has arrived: shuffled, some twice, some never."""
        with self._lock:
            batch, self._waiting = self._waiting, []
        chance, counts = self._mishaps.random, self._mishaps.counts
        sent = []
        for each in batch:
            if chance.randrange(100) < WEBHOOK_LOST_PERCENT:
                counts["webhook lost"] += 1
                continue
            sent.append(each)
            if chance.randrange(100) < WEBHOOK_TWICE_PERCENT:
                counts["webhook twice"] += 1
                sent.append(each)
        chance.shuffle(sent)
        return sent

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@cache
def _provider() -> Client:
    """It keeps its connection: the middleware is loaded once in a process."""
    return Client(headers={"host": "127.0.0.1"})


def hand_in(body: bytes, signature: str) -> str:
    """Post one to the system; what became of it."""
    answer = _provider().post(
        "/webhooks/payments/stripe/",
        body,
        content_type="application/json",
        headers={"Stripe-Signature": signature},
    )
    if answer.status_code == 400 and b"webhook_too_old" in answer.content:
        # The clock was put forward while it was on its way.
        return "webhook too old"
    if answer.status_code != 200:
        raise AssertionError(f"webhook refused: {answer.content!r}")
    return "webhook"
