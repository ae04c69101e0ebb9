"""Live values as server-sent events: one bounded stream per charge that is watched.

An ordinary asynchronous view, for a stream outlives what REST framework wraps around
a request. Reading is done by a few threads with a database connection each, whatever
the number of streams; each stream ends by itself, and the client's EventSource opens
the next one.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any, Final

from django.db import close_old_connections
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.http.response import StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from billing.api.live import live_body
from billing.models import Order
from billing.models.order_states import ORDER_STATES
from cpms.accounts.api.authentication import DriverTokenAuthentication
from cpms.accounts.api.problems import CONTENT_TYPE
from cpms.accounts.tenancy import acting_as_platform

STREAM_FOR: Final = timedelta(minutes=10)
STREAM_EVERY_S: Final = 2.0
ASK_AGAIN_EVERY: Final = 15
"""After so many values the token is looked at again: who logged out sees no more."""
RETRY_MS: Final = 2000
STREAMS_MAX: Final = 500
"""Streams of one process; one more is told to poll instead."""
STREAMS_PER_DRIVER_MAX: Final = 5
READERS: Final = 4

_readers = ThreadPoolExecutor(READERS, thread_name_prefix="live-stream")
_open: Counter[int] = Counter()


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: int
    code: str
    detail: str


def _problem(refusal: _Refusal) -> JsonResponse:
    body = {
        "type": f"urn:cpms:problem:{refusal.code}",
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.detail,
    }
    response = JsonResponse(body, status=refusal.status, content_type=CONTENT_TYPE)
    if refusal.status == 401:
        response["WWW-Authenticate"] = DriverTokenAuthentication.keyword
    if refusal.status == 503:
        response["Retry-After"] = str(RETRY_MS // 1000)
    return response


def _whose(request: HttpRequest, number: str) -> int | _Refusal:
    """The driver of the token, if the order is its own."""
    try:
        known = DriverTokenAuthentication().authenticate(Request(request))
    except AuthenticationFailed as error:
        return _Refusal(401, "authentication_failed", str(error.detail))
    if known is None:
        return _Refusal(401, "not_authenticated", "This needs a driver's token.")
    driver_id = int(known[0].driver_id)
    with acting_as_platform("is it the driver's own order?"):
        own = Order.objects.filter(number=number, driver_id=driver_id).exists()
    if not own:
        return _Refusal(404, "unknown_order", "You have no order with this number.")
    return driver_id


def _read(number: str) -> dict[str, Any]:
    with acting_as_platform("live values of the driver's own order"):
        order = Order.objects.get(number=number)
        return live_body(order, at=timezone.now())


async def _by_reader(function: Any, *arguments: Any) -> Any:  # noqa: ANN401 - any
    """Run in a reader's thread; a connection that broke is replaced the next time."""

    def work() -> Any:  # noqa: ANN401 - any
        close_old_connections()
        return function(*arguments)

    return await asyncio.get_running_loop().run_in_executor(_readers, work)


@require_GET
async def live_stream(request: HttpRequest, number: str) -> HttpResponseBase:
    """``text/event-stream`` of the live values of an own order.

    An event whenever something changed, a comment otherwise; the stream ends with the
    order, or after some minutes.
    """
    whose = await _by_reader(_whose, request, number)
    if isinstance(whose, _Refusal):
        return _problem(whose)
    if _open.total() >= STREAMS_MAX or _open[whose] >= STREAMS_PER_DRIVER_MAX:
        busy = "Too many streams are open; poll …/live, or try again in a moment."
        return _problem(_Refusal(503, "too_many_streams", busy))
    response = StreamingHttpResponse(
        _events(whose, request, number), content_type="text/event-stream"
    )
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


async def _events(
    driver_id: int, request: HttpRequest, number: str
) -> AsyncIterator[bytes]:
    _open[driver_id] += 1
    try:
        async for event in _changes(request, number):
            yield event
    finally:
        _open[driver_id] -= 1
        with suppress(KeyError):
            if not _open[driver_id]:
                del _open[driver_id]


async def _changes(request: HttpRequest, number: str) -> AsyncIterator[bytes]:
    ends_at = timezone.now() + STREAM_FOR
    yield f"retry: {RETRY_MS}\n\n".encode()
    before = ""
    for turn in count(1):
        if timezone.now() >= ends_at:
            return
        if turn % ASK_AGAIN_EVERY == 0:
            whose = await _by_reader(_whose, request, number)
            if isinstance(whose, _Refusal):
                return
        body = await _by_reader(_read, number)
        text = json.dumps(body, cls=JSONEncoder)
        if text != before:
            before = text
            yield f"event: live\ndata: {text}\n\n".encode()
        else:
            yield b": nothing new\n\n"
        if body["state"] in ORDER_STATES.final:
            return
        await asyncio.sleep(STREAM_EVERY_S)
