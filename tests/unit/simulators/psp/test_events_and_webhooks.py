import asyncio
import hashlib
import hmac
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import orjson
import pytest

from simulators.psp import endpoints, store as store_module, webhooks
from simulators.psp.store import Shelf
from tests.unit.simulators.psp.harness import Provider


class Receiver:
    """A real HTTP server that keeps what it gets and answers as told."""

    def __init__(self):
        self.got = []
        self.statuses = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["content-length"])
                body = self.rfile.read(length)
                receiver.got.append((self.headers["stripe-signature"], body))
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?x=1"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def events(self):
        return [orjson.loads(body) for _, body in self.got]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


def deliver(provider, *, limit_s=10.0):
    """Run the deliveries until nothing waits."""

    async def work():
        provider.app.dispatcher.start()
        try:
            async with asyncio.timeout(limit_s):
                while provider.app.dispatcher.waiting:  # noqa: ASYNC110 - no event tells
                    await asyncio.sleep(0.005)
        finally:
            await provider.app.dispatcher.stop()

    asyncio.run(work())


def listening(receiver, **rules):
    provider = Provider(**rules)
    unit = provider.world.unit()
    endpoints.configure(unit, receiver.url, "whsec_test")
    provider.world.store.commit(unit)
    # Deliveries are started by each test: queue nothing before.
    provider.app.dispatcher.take = list
    return provider


def test_every_event_is_delivered_signed_with_its_account(receiver, monkeypatch):
    provider = listening(receiver)
    account = provider.account()
    provider.hold(account)
    del provider.app.dispatcher.take
    deliver(provider)
    assert sorted(event["type"] for event in receiver.events) == sorted(
        ["account.updated", *provider.event_types(account)[1:]]
    )
    assert {event["account"] for event in receiver.events} == {account}
    signature, body = receiver.got[0]
    told = dict(part.split("=") for part in signature.split(","))
    signed = told["t"].encode() + b"." + body
    expected = hmac.new(b"whsec_test", signed, hashlib.sha256).hexdigest()
    assert told["v1"] == expected
    left = provider.get("/v1/events", {"limit": 100}, account=account)["data"]
    assert {event["pending_webhooks"] for event in left} == {0}


def test_a_failed_delivery_is_tried_again(receiver, monkeypatch):
    monkeypatch.setattr(webhooks, "WEBHOOK_BACKOFF_S", 0.001)
    provider = listening(receiver)
    provider.post("/v1/customers", {})
    receiver.statuses = [500, 302, 200]
    del provider.app.dispatcher.take
    deliver(provider)
    assert len({event["id"] for event in receiver.events}) == 1
    assert len(receiver.events) == 3
    assert provider.control("webhooks", method="GET") == {
        "delivered": 1,
        "retried": 2,
        "given_up": 0,
        "dropped": 0,
        "waiting": 0,
    }


def test_deliveries_are_given_up_in_the_end_and_stay_in_the_list(monkeypatch):
    monkeypatch.setattr(webhooks, "WEBHOOK_BACKOFF_S", 0.0)
    monkeypatch.setattr(webhooks, "WEBHOOK_ATTEMPTS_MAX", 3)
    closed = Receiver()
    closed.close()
    provider = listening(closed)
    provider.post("/v1/customers", {})
    del provider.app.dispatcher.take
    deliver(provider)
    assert provider.control("webhooks", method="GET")["given_up"] == 1
    assert provider.get("/v1/events")["data"][0]["pending_webhooks"] == 1


def test_duplicates_and_reversed_order_on_demand(receiver):
    provider = listening(receiver, webhook_duplicates=1, webhook_reorder_ms=1)
    account = provider.account()
    provider.hold(account)
    del provider.app.dispatcher.take
    deliver(provider)
    ids = [event["id"] for event in receiver.events]
    assert len(ids) == 2 * len(set(ids))


def test_reordering_reverses_what_came_within_its_window(receiver, monkeypatch):
    monkeypatch.setattr(webhooks, "WEBHOOK_WORKERS", 1)
    provider = listening(receiver, webhook_reorder_ms=1, webhook_latency_ms=1)
    for number in range(3):
        provider.post("/v1/customers", {"email": f"{number}@example.org"})
    del provider.app.dispatcher.take
    deliver(provider)
    emails = [event["data"]["object"]["email"] for event in receiver.events]
    assert emails == ["2@example.org", "1@example.org", "0@example.org"]


def test_endpoints_want_platform_or_connected_events(provider):
    for connect in (True, False):
        provider.post(
            "/v1/webhook_endpoints",
            {
                "url": "https://cpms.example.org/hook",
                "enabled_events": ["customer.created", "account.updated"],
                "connect": connect,
            },
        )
    account = provider.account()
    provider.post("/v1/customers", {})
    provider.hold(account)

    def pending(acting):
        page = provider.get("/v1/events", {"limit": 100}, account=acting)
        return {one["type"]: one["pending_webhooks"] for one in page["data"]}

    assert pending(None) == {"customer.created": 1}
    assert pending(account)["account.updated"] == 1
    assert pending(account)["payment_intent.created"] == 0


def test_endpoints_are_managed_and_hide_their_secret(provider, account):
    values = {"url": "https://cpms.example.org/hook", "enabled_events": ["*"]}
    made = provider.post("/v1/webhook_endpoints", values)
    assert made["secret"].startswith("whsec_")
    path = f"/v1/webhook_endpoints/{made['id']}"
    assert "secret" not in provider.get(path)
    assert "secret" not in provider.get("/v1/webhook_endpoints")["data"][0]
    changed = provider.post(
        path,
        {
            "url": "https://cpms.example.org/other",
            "enabled_events": ["charge.captured"],
            "disabled": True,
            "metadata": {"a": "1"},
        },
    )
    assert changed["status"] == "disabled"
    assert changed["url"].endswith("/other")
    assert "secret" not in changed
    assert provider.post(path, {"disabled": False})["status"] == "enabled"
    assert provider.request("DELETE", path).json["deleted"]
    assert provider.refused("GET", path).status == 404
    for wrong in (
        {"url": "https://a.example"},
        {"url": "ftp://a.example", "enabled_events": ["*"]},
        {"url": "/hook", "enabled_events": ["*"]},
    ):
        provider.refused("POST", "/v1/webhook_endpoints", wrong)
    provider.refused("POST", "/v1/webhook_endpoints", values, account=account)


def test_the_number_of_endpoints_is_limited(provider):
    values = {"url": "https://cpms.example.org/hook", "enabled_events": ["*"]}
    for _ in range(16):
        provider.post("/v1/webhook_endpoints", values)
    assert provider.refused("POST", "/v1/webhook_endpoints", values).status == 400


def test_the_configured_endpoint_is_kept_once_per_address(provider):
    for secret in ("whsec_a", "whsec_b"):
        unit = provider.world.unit()
        endpoints.configure(unit, "https://cpms.example.org/hook", secret)
        provider.world.store.commit(unit)
    kept = list(provider.world.store.every("webhook_endpoint"))
    assert [endpoint["secret"] for _, endpoint in kept] == ["whsec_b"]


def test_events_are_listed_by_type_and_show_the_request(provider, account):
    intent = provider.hold(account)
    provider.request(
        "POST", f"/v1/payment_intents/{intent['id']}/cancel", account=account, key="k1"
    )
    for wanted in (
        {"type": "payment_intent.canceled"},
        {"types": ["payment_intent.canceled"]},
    ):
        found = provider.get("/v1/events", wanted, account=account)["data"]
        assert [one["data"]["object"]["id"] for one in found] == [intent["id"]]
    assert found[0]["request"]["idempotency_key"] == "k1"
    one = provider.get(f"/v1/events/{found[0]['id']}", account=account)
    assert one == found[0]


def test_old_events_are_forgotten_and_cursors_stay_right(monkeypatch):
    monkeypatch.setattr(store_module, "_TRIM", 10)
    shelf = Shelf()
    for number in range(25):
        shelf.put(f"evt_{number}", str(number).encode())
        shelf.trim(10)
    assert shelf.place("evt_0") is None
    newest = [body.decode() for body in shelf.older(None)]
    assert newest == [str(number) for number in range(24, 9, -1)]
    after = [body.decode() for body in shelf.newer(shelf.place("evt_22"))]
    assert after == ["23", "24"]
    before = [body.decode() for body in shelf.older(shelf.place("evt_12"))]
    assert before == ["11", "10"]


def test_a_full_queue_drops_and_the_list_keeps(monkeypatch, receiver):
    monkeypatch.setattr(webhooks, "WEBHOOK_QUEUE_MAX", 1)
    provider = listening(receiver)
    del provider.app.dispatcher.take
    dispatcher = provider.app.dispatcher
    for _ in range(3):
        provider.post("/v1/customers", {})
    assert dispatcher.stats["dropped"] == 2
    assert len(provider.get("/v1/events")["data"]) == 3
