"""Hosted pages: onboarding, the bank's question (3-D Secure), checkout.

They need no key; the unguessable secret in the address opens one thing only.
"""

import hmac
from collections.abc import Callable
from html import escape
from typing import Final
from urllib.parse import parse_qs

from simulators.psp import accounts, checkout, checkout_page, intents, setups
from simulators.psp.api import Api
from simulators.psp.call import Call
from simulators.psp.errors import ApiError, Json, invalid
from simulators.psp.form import Params
from simulators.psp.limits import PLATFORM
from simulators.psp.web import Request, Response, html_response, redirect_response


def _page(title: str, content: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        "<style>body{font:1.1rem system-ui;max-width:30rem;margin:3rem auto;"
        "padding:0 1rem}button,select{font:inherit;padding:.6rem 1rem;margin:.3rem 0}"
        "</style>"
        f"<h1>{escape(title)}</h1><p>Simulated payment provider: no real money.</p>"
        f"{content}</html>"
    )


class Pages:
    """The hosted pages of one simulator."""

    def __init__(self, api: Api) -> None:
        """Serve pages of this interface's world."""
        self.api = api
        self.world = api.world

    def handle(self, request: Request) -> Response:
        """Answer one page request."""
        parts = request.path.removeprefix("/hosted/").split("/")
        page = _PAGES.get((parts[0], len(parts)))
        if page is None or request.method not in {"GET", "POST"}:
            raise invalid("There is no such page.", status=404)
        self.api.sweep()
        return page(self, request, parts[1:])

    def call(self, account: str) -> Call:
        """Begin a call on an account."""
        return Call(self.world, self.world.unit(), account, Params({}))


def _field(text: str, name: str) -> str:
    return parse_qs(text).get(name, [""])[0]


def _check_secret(expected: str, given: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise invalid("This address is not valid.", status=404)


def _onboarding(pages: Pages, request: Request, parts: list[str]) -> Response:
    call = pages.call(PLATFORM)
    link = call.unit.find(PLATFORM, "_account_link", parts[0])
    if link is None:
        raise invalid("This address is not valid.", status=404)
    if link["expires_at"] <= call.now:
        return redirect_response(link["refresh_url"])
    account = accounts.find(call.unit, link["account"])
    if request.method == "GET":
        form = '<form method="post"><button>Complete onboarding</button></form>'
        return html_response(200, _page(f"Account {account['id']}", form))
    accounts.enable(call.unit, account)
    call.unit.delete(PLATFORM, "_account_link", parts[0])
    pages.api.commit(call.unit)
    return redirect_response(link["return_url"])


def _challenge(pages: Pages, request: Request, parts: list[str]) -> Response:
    account, reference = parts
    call = pages.call(account)
    setup = reference.startswith("seti_")
    kind = "setup_intent" if setup else "payment_intent"
    intent = call.get(kind, reference, param="intent")
    _check_secret(intent["client_secret"], _field(request.query, "client_secret"))
    if request.method == "GET":
        form = (
            '<form method="post"><button name="outcome" value="succeed">Authorise'
            '</button> <button name="outcome" value="fail">Refuse</button></form>'
        )
        return html_response(200, _page("Your bank asks: is this you?", form))
    passed = _field(request.body.decode(errors="replace"), "outcome") == "succeed"
    return_url = _return_url(intent)
    answer = setups.answer_challenge if setup else intents.answer_challenge
    intent = answer(call, intent, passed=passed)
    session = _session_of(call, intent)
    if session is not None and passed:
        session = checkout.complete(call, session, intent)
    pages.api.commit(call.unit)
    if session is not None:
        return _after_payment(session, intent)
    if not return_url:
        return html_response(200, _page("Done", "<p>You can close this page.</p>"))
    mark = "&" if "?" in return_url else "?"
    return redirect_response(f"{return_url}{mark}{kind}={reference}")


def _return_url(intent: Json) -> str | None:
    action = intent["next_action"] or {}
    url = action.get("redirect_to_url", {}).get("return_url")
    return str(url) if url else None


def _session_of(call: Call, intent: Json) -> Json | None:
    session_id = intent.get("_session")
    if not session_id:
        return None
    return call.get("checkout.session", session_id, param="session")


def _checkout(pages: Pages, request: Request, parts: list[str]) -> Response:
    account, reference = parts
    call = pages.call(account)
    session = call.get("checkout.session", reference, param="session")
    _check_secret(session["_secret"], _field(request.query, "secret"))
    if request.method == "GET":
        return html_response(200, checkout_page.show(session, ""))
    sent = parse_qs(request.body.decode(errors="replace"))
    chosen = checkout_page.card_of({name: values[0] for name, values in sent.items()})
    if chosen is None:
        wrong = checkout_page.words_of(session)["wrong"]
        return html_response(400, checkout_page.show(session, wrong))
    try:
        intent = checkout.pay(call, session, chosen)
    except ApiError as error:
        if error.executed:
            pages.api.commit(call.unit)
        return html_response(error.status, checkout_page.show(session, str(error)))
    pages.api.commit(call.unit)
    return _after_payment(session, intent)


def _after_payment(session: Json, intent: Json) -> Response:
    if intent["status"] == "requires_action":
        action = intent["next_action"]
        if action["type"] == "redirect_to_url":
            return redirect_response(action["redirect_to_url"]["url"])
    if session["status"] == "open":
        return redirect_response(session["url"])
    done = session["success_url"]
    if done:
        return redirect_response(done.replace("{CHECKOUT_SESSION_ID}", session["id"]))
    return html_response(200, _page("Paid", "<p>You can close this page.</p>"))


_PAGES: Final[
    dict[tuple[str, int], Callable[[Pages, Request, list[str]], Response]]
] = {
    ("onboarding", 2): _onboarding,
    ("3ds", 3): _challenge,
    ("checkout", 3): _checkout,
}
