"""The provider without a socket: requests go straight to its interfaces."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson

from simulators.psp.app import App, new_world
from simulators.psp.books import Books
from simulators.psp.errors import ApiError
from simulators.psp.journal import Journal
from simulators.psp.rules import Rules
from simulators.psp.store import Store
from simulators.psp.web import Request, Response, error_response

KEY = "sk_test_unit_tests"


def flatten(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return form pairs: nested names in brackets."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        whole = f"{prefix}[{name}]" if prefix else str(name)
        if isinstance(value, list | tuple):
            pairs += flatten(dict(enumerate(value)), whole)
        elif isinstance(value, dict):
            pairs += flatten(value, whole)
        elif isinstance(value, bool):
            pairs.append((whole, str(value).lower()))
        else:
            pairs.append((whole, str(value)))
    return pairs


@dataclass
class Answer:
    status: int
    json: dict[str, Any]
    headers: dict[str, str]

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]


class Provider:
    """One simulated provider in this process."""

    def __init__(self, journal: Path | None = None, **rules: int) -> None:
        settings = Rules(fee_basis_points=150, fee_fixed_minor=25)
        settings.change(rules)
        store = Store(Journal(journal) if journal else None)
        self.world = new_world(store, settings, "http://psp.test")
        self.app = App(self.world, KEY)
        self.api = self.app.api

    @property
    def books(self) -> Books:
        return self.world.store.books

    def send(self, request: Request) -> Response:
        async def answer() -> Response:
            try:
                return await self.app._answer(request)
            except ApiError as error:
                return error_response(error)

        return asyncio.run(answer())

    def request(
        self,
        method: str,
        path: str,
        values: dict[str, Any] | None = None,
        *,
        account: str | None = None,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        form = urlencode(flatten(values or {}))
        sent = {"authorization": f"Bearer {KEY}", **(headers or {})}
        if account:
            sent["stripe-account"] = account
        if key:
            sent["idempotency-key"] = key
        query, body = ("", form.encode()) if method == "POST" else (form, b"")
        response = self.send(Request(method, path, query, sent, body))
        return Answer(response.status, orjson.loads(response.body), response.headers)

    def post(self, path: str, values: dict[str, Any] | None = None, **how: Any) -> Any:
        """POST that must succeed; returns the object."""
        answer = self.request("POST", path, values, **how)
        assert answer.status == 200, answer.json
        return answer.json

    def get(self, path: str, values: dict[str, Any] | None = None, **how: Any) -> Any:
        """GET that must succeed; returns the object."""
        answer = self.request("GET", path, values, **how)
        assert answer.status == 200, answer.json
        return answer.json

    def refused(self, method: str, path: str, *args: Any, **how: Any) -> Answer:
        """Request that must be refused."""
        answer = self.request(method, path, *args, **how)
        assert answer.status >= 400, answer.json
        return answer

    def control(
        self, path: str, values: dict[str, Any] | None = None, method: str = "POST"
    ) -> Any:
        answer = self.control_answer(path, values, method)
        assert answer.status == 200, answer.json
        return answer.json

    def control_answer(
        self, path: str, values: dict[str, Any] | None = None, method: str = "POST"
    ) -> Answer:
        body = b"" if values is None else orjson.dumps(values)
        path, _, query = path.partition("?")
        headers = {"authorization": f"Bearer {KEY}"}
        response = self.send(Request(method, f"/_sim/{path}", query, headers, body))
        return Answer(response.status, orjson.loads(response.body), response.headers)

    def page(
        self, method: str, url: str, form: dict[str, str] | None = None
    ) -> Response:
        path, _, query = url.removeprefix("http://psp.test").partition("?")
        body = urlencode(form or {}).encode()
        return self.send(Request(method, path, query, {}, body))

    # What most tests begin with.

    def account(self, *, enabled: bool = True, **values: Any) -> str:
        made = self.post("/v1/accounts", {"country": "DE", **values})
        if enabled:
            self.control(f"accounts/{made['id']}", {"onboarded": True})
        return made["id"]

    def saved_card(self, card: str = "pm_card_visa") -> tuple[str, str]:
        customer = self.post("/v1/customers", {"email": "driver@example.org"})["id"]
        path = f"/v1/payment_methods/{card}/attach"
        return customer, self.post(path, {"customer": customer})["id"]

    def hold(
        self, account: str, amount: int = 5000, card: str = "pm_card_visa", **more: Any
    ) -> dict[str, Any]:
        values = {
            "amount": amount,
            "currency": "eur",
            "capture_method": "manual",
            "confirm": True,
            "payment_method": card,
            **more,
        }
        return self.post("/v1/payment_intents", values, account=account)

    def capture(
        self, account: str, intent: str, amount: int, fee: int = 0
    ) -> dict[str, Any]:
        values = {"amount_to_capture": amount, "application_fee_amount": fee}
        path = f"/v1/payment_intents/{intent}/capture"
        return self.post(path, values, account=account)

    def paid(self, account: str, amount: int = 1000, fee: int = 100) -> dict[str, Any]:
        return self.capture(account, self.hold(account, amount)["id"], amount, fee)

    def event_types(self, account: str | None = None) -> list[str]:
        page = self.get("/v1/events", {"limit": 100}, account=account)
        return [event["type"] for event in reversed(page["data"])]
