"""A small JSON-over-HTTP client on the standard library."""

import asyncio
import http.client
import json
import ssl
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final
from urllib.parse import urlencode, urlsplit

from simulators.errors import ExitCode, SimulatorError, UnableToReach
from simulators.shapes import JsonValue

BODY_BYTES_MAX: Final = 8 * 1024 * 1024

Json = dict[str, Any]


class ApiRefusal(SimulatorError):
    """The API answered with an error (problem+json where it is one of ours)."""

    exit_code: ClassVar[ExitCode] = ExitCode.REFUSED

    def __init__(self, *, method: str, path: str, status: int, body: JsonValue) -> None:
        """Keep status, stable code and detail apart."""
        problem = body if isinstance(body, dict) else {}
        self.status = status
        self.code = str(problem.get("code", ""))
        self.detail = str(problem.get("detail") or problem.get("title") or "")
        self.body = body
        words = " ".join(word for word in (self.code, self.detail) if word)
        super().__init__(f"{method} {path} was answered {status}: {words or body!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RestClient:
    """One API: where it is, and who asks.

    Attributes:
        base_url: `http(s)://host:port`, with or without a path in front.
        authorization: value of the Authorization header, or nothing.
        timeout_s: for connecting and for each read.
        ca_file: PEM file of the authority to trust instead of the system's.
    """

    base_url: str
    authorization: str = ""
    timeout_s: float = 15.0
    ca_file: str = ""

    def as_driver(self, token: str) -> "RestClient":
        """Return the same client acting for a driver's token."""
        return replace(self, authorization=f"Bearer {token}")

    def as_operator(self, api_key: str) -> "RestClient":
        """Return the same client acting for an operator's API key."""
        return replace(self, authorization=f"Api-Key {api_key}")

    def get(self, path: str, query: Mapping[str, str] | None = None) -> JsonValue:
        """GET and return the JSON body."""
        suffix = f"?{urlencode(query)}" if query else ""
        return self.request("GET", path + suffix)

    def post(
        self, path: str, body: Mapping[str, Any], *, idempotency_key: str = ""
    ) -> JsonValue:
        """POST JSON with an idempotency key (a fresh one unless given)."""
        key = idempotency_key or str(uuid.uuid4())
        return self.request("POST", path, body, {"Idempotency-Key": key})

    async def aget(
        self, path: str, query: Mapping[str, str] | None = None
    ) -> JsonValue:
        """`get` in a thread."""
        return await asyncio.to_thread(self.get, path, query)

    async def apost(
        self, path: str, body: Mapping[str, Any], *, idempotency_key: str = ""
    ) -> JsonValue:
        """`post` in a thread."""
        return await asyncio.to_thread(
            self.post, path, body, idempotency_key=idempotency_key
        )

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> JsonValue:
        """Send one request and return the JSON of its answer (None if empty).

        Raises:
            UnableToReach: nobody answers there, or what answers is no HTTP.
            ApiRefusal: the answer's status is 400 or above.
        """
        address = urlsplit(self.base_url)
        connection = self._connection()
        payload = None if body is None else json.dumps(body).encode()
        try:
            connection.request(
                method,
                address.path.rstrip("/") + path,
                body=payload,
                headers=self._headers(headers, has_body=payload is not None),
            )
            answer = connection.getresponse()
            text = answer.read(BODY_BYTES_MAX)
        except (OSError, http.client.HTTPException) as error:
            msg = (
                f"No HTTP answer from {self.base_url} ({error!r});"
                " check the address and that the web process runs."
            )
            raise UnableToReach(msg) from error
        finally:
            connection.close()
        content = _json_of(text)
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise ApiRefusal(
                method=method, path=path, status=answer.status, body=content
            )
        return content

    def _connection(self) -> http.client.HTTPConnection:
        address = urlsplit(self.base_url)
        if address.scheme not in {"http", "https"} or not address.hostname:
            msg = f"{self.base_url!r} is no address like http://host:port."
            raise UnableToReach(msg)
        if address.scheme == "http":
            return http.client.HTTPConnection(
                address.hostname, address.port, timeout=self.timeout_s
            )
        context = ssl.create_default_context(cafile=self.ca_file or None)
        return http.client.HTTPSConnection(
            address.hostname, address.port, timeout=self.timeout_s, context=context
        )

    def _headers(
        self, extra: Mapping[str, str] | None, *, has_body: bool
    ) -> dict[str, str]:
        headers = {"Accept": "application/json", **(extra or {})}
        if has_body:
            headers["Content-Type"] = "application/json"
        if self.authorization:
            headers["Authorization"] = self.authorization
        return headers


def _json_of(text: bytes) -> JsonValue:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text.decode("utf-8", "replace")
