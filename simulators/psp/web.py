"""The little of HTTP that the simulator needs on top of ASGI."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from simulators.psp.errors import ApiError, Json, invalid
from simulators.psp.limits import BODY_BYTES_MAX

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ConnectionBroken(Exception):
    """The connection shall break instead of an answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, completely read."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Json:
        """Return the JSON object of a control request; empty body = {}."""
        if not self.body:
            return {}
        try:
            values = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise invalid(f"The body is not JSON: {error}") from None
        if not isinstance(values, dict):
            raise invalid("The body must be a JSON object.")
        return values

    def form(self) -> str:
        """Return the form text: query for GET and DELETE, body for POST."""
        if self.method != "POST":
            return self.query
        try:
            return self.body.decode()
        except UnicodeDecodeError:
            raise invalid("The body is not UTF-8.") from None


@dataclass(slots=True)
class Response:
    """One answer."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def json_response(status: int, values: object) -> Response:
    """Return an answer with a JSON body."""
    headers = {"content-type": "application/json"}
    return Response(status, orjson.dumps(values), headers)


def error_response(error: ApiError) -> Response:
    """Return the answer of a refusal."""
    response = json_response(error.status, error.body)
    if error.retry_after_s:
        response.headers["retry-after"] = str(error.retry_after_s)
    return response


def html_response(status: int, html: str) -> Response:
    """Return a page."""
    headers = {"content-type": "text/html; charset=utf-8", "cache-control": "no-store"}
    return Response(status, html.encode(), headers)


def redirect_response(url: str) -> Response:
    """Send the browser to another address."""
    return Response(303, b"", {"location": url})


async def read(scope: Scope, receive: Receive) -> Request:
    """Read the whole request.

    Raises:
        ApiError: 413 when the body is larger than the limit.
        ConnectionBroken: the client went away.
    """
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionBroken
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise invalid(
                f"The body is larger than {BODY_BYTES_MAX} bytes.", status=413
            )
        chunks.append(chunk)
        more = message.get("more_body", False)
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in scope["headers"]
    }
    return Request(
        scope["method"],
        scope["path"],
        scope["query_string"].decode("latin-1"),
        headers,
        b"".join(chunks),
    )


async def write(send: Send, response: Response) -> None:
    """Send an answer."""
    length = str(len(response.body))
    headers = {**response.headers, "content-length": length}
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": [
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in headers.items()
            ],
        }
    )
    await send({"type": "http.response.body", "body": response.body})


async def break_connection(send: Send) -> None:
    """Begin an answer and never finish it, so that the server hangs up.

    ASGI has no word for dropping a connection; an answer shorter than
    announced, ended by an exception, is what makes the server close it.
    """
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", b"1048576")],
        }
    )
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    raise ConnectionBroken
