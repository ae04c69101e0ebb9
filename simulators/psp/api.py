"""The way of a `/v1` request: key, route, parameters, fault, work, answer."""

import asyncio
import hashlib
import random
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson

from simulators.psp import checkout, form, holds, ids, money, routes
from simulators.psp.call import Call, World
from simulators.psp.errors import ApiError, Json, invalid, server_error
from simulators.psp.expand import expand
from simulators.psp.faults import AFTER, BEFORE, FaultRule, Faults
from simulators.psp.keys import Keys
from simulators.psp.limits import API_VERSION, CALLS_MAX, IDEMPOTENCY_KEY_MAX
from simulators.psp.store import Remembered, Unit, public
from simulators.psp.web import (
    ConnectionBroken,
    Request,
    Response,
    error_response,
    json_response,
)
from simulators.psp.webhooks import Dispatcher


@dataclass(slots=True)
class _Work:
    """One accepted request on its way through the pipeline."""

    request: Request
    request_id: str
    account: str
    route: routes.Route
    variables: dict[str, str]
    values: Json
    key: str | None
    fault: FaultRule | None = None

    @property
    def scope(self) -> str:
        return f"{self.account}:{self.key}"

    def fingerprint(self) -> str:
        told = [
            self.request.method,
            self.request.path,
            orjson.dumps(self.values, option=orjson.OPT_SORT_KEYS).decode(),
        ]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()


class Api:
    """The provider's public interface."""

    def __init__(
        self, world: World, keys: Keys, faults: Faults, dispatcher: Dispatcher
    ) -> None:
        """Serve this world."""
        self.world = world
        self.keys = keys
        self.faults = faults
        self.dispatcher = dispatcher
        self.calls: deque[Json] = deque(maxlen=CALLS_MAX)
        self.calls_total = 0
        self._in_flight: set[str] = set()
        self._second = 0
        self._in_second = 0
        self._jitter = random.Random()  # noqa: S311 - only latency

    async def handle(self, request: Request) -> Response:
        """Answer one request; every one is recorded among the calls."""
        request_id = ids.new("req")
        began_s = time.perf_counter()
        record: Json = {
            "request_id": request_id,
            "at": self.world.clock.now(),
            "method": request.method,
            "path": request.path,
            "idempotency_key": request.headers.get("idempotency-key"),
        }
        try:
            response = await self._pipeline(request, request_id, record)
        except ApiError as error:
            response = error_response(error)
        except ConnectionBroken:
            self._record(record, 0, began_s)
            raise
        response.headers.setdefault("request-id", request_id)
        response.headers["stripe-version"] = API_VERSION
        self._record(record, response.status, began_s)
        return response

    def _record(self, record: Json, status: int, began_s: float) -> None:
        self.calls_total += 1
        record["status"] = status
        record["duration_s"] = time.perf_counter() - began_s
        self.calls.append(record)

    async def _pipeline(
        self, request: Request, request_id: str, record: Json
    ) -> Response:
        work = self._accept(request, request_id, record)
        if work.key is not None:
            replayed = self._replay(work)
            if replayed is not None:
                record["replayed"] = True
                return replayed
        work.fault = self.faults.pick(request.method, request.path, work.account)
        record["fault"] = work.fault.kind if work.fault else None
        if work.key is not None:
            self._in_flight.add(work.scope)
        try:
            await self._before(work)
            response = self._execute(work)
        finally:
            self._in_flight.discard(work.scope)
        await self._after(work)
        return response

    def _accept(self, request: Request, request_id: str, record: Json) -> _Work:
        """Check key, account, version, route and parameters."""
        account = self.keys.acting(request.headers, self.world.unit())
        record["account"] = account
        version = request.headers.get("stripe-version", API_VERSION)
        if version != API_VERSION:
            raise invalid(
                f"Invalid Stripe API version: {version}. This simulator speaks "
                f"{API_VERSION} only."
            )
        found = routes.find(request.method, request.path)
        if found is None:
            raise invalid(
                f"Unrecognized request URL ({request.method}: {request.path}).",
                status=404,
            )
        self._limit_rate()
        route, variables = found
        values = form.decode(request.form())
        record["params"] = {k: v for k, v in values.items() if k != "card"}
        form.check_known(values, route.accepts)
        key = request.headers.get("idempotency-key")
        if key is not None and not 1 <= len(key) <= IDEMPOTENCY_KEY_MAX:
            raise invalid(f"Idempotency-Key: 1 to {IDEMPOTENCY_KEY_MAX} characters.")
        key = key if request.method == "POST" else None
        return _Work(request, request_id, account, route, variables, values, key)

    def _limit_rate(self) -> None:
        limit = self.world.rules.rate_limit_per_s
        if limit == 0:
            return
        second = self.world.clock.now()
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        if self._in_second > limit:
            raise _too_many()

    def _replay(self, work: _Work) -> Response | None:
        """Return the first answer of this key, when there was one.

        Raises:
            ApiError: 400 for other parameters, 409 while the first still runs.
        """
        kept = self.world.store.remembered.get(work.scope)
        if kept is not None:
            if kept.fingerprint != work.fingerprint():
                raise ApiError(
                    400,
                    {
                        "type": "idempotency_error",
                        "message": "Keys for idempotent requests can only be used "
                        "with the same parameters they were first used with.",
                    },
                )
            response = Response(kept.status, kept.body)
            response.headers["content-type"] = "application/json"
            response.headers["idempotent-replayed"] = "true"
            response.headers["idempotency-key"] = work.key or ""
            return response
        if work.scope in self._in_flight:
            raise ApiError(
                409,
                {
                    "type": "idempotency_error",
                    "code": "idempotency_key_in_use",
                    "message": "There is currently another in-progress request "
                    "using this idempotency key.",
                },
            )
        return None

    async def _wait(self, rule: FaultRule | None) -> None:
        rules = self.world.rules
        delay_ms = rules.latency_ms
        if rules.latency_jitter_ms:
            delay_ms += self._jitter.randrange(rules.latency_jitter_ms + 1)
        if rule is not None and rule.kind == "latency":
            delay_ms += rule.latency_ms
        if delay_ms:
            await asyncio.sleep(delay_ms / 1000)

    async def _before(self, work: _Work) -> None:
        rule = work.fault
        await self._wait(rule)
        if rule is None or rule.kind not in BEFORE:
            return
        if rule.kind == "rate_limit":
            raise _too_many(rule.retry_after_s)
        if rule.kind == "error_before":
            raise server_error(rule.status, "The provider failed before its work.")
        if rule.kind != "error_stored":
            if rule.kind == "timeout_before":
                await asyncio.sleep(rule.seconds)
            raise ConnectionBroken

    async def _after(self, work: _Work) -> None:
        rule = work.fault
        if rule is None or rule.kind not in AFTER:
            return
        if rule.kind == "error_after":
            raise server_error(rule.status, "The provider failed after its work.")
        if rule.kind == "timeout":
            await asyncio.sleep(rule.seconds)
        raise ConnectionBroken

    def _execute(self, work: _Work) -> Response:
        """Do the work and make it true; never awaits."""
        self.sweep()
        unit = self.world.unit()
        unit.request_id = work.request_id
        unit.idempotency_key = work.key
        try:
            response = json_response(200, self._work(work, unit))
        except ApiError as error:
            response = error_response(error)
            if not error.executed:
                return response
        if work.key is not None:
            body = bytes(memoryview(response.body))
            kept = Remembered(work.fingerprint(), response.status, body, unit.now)
            unit.answer = (work.scope, kept)
            response.headers["idempotency-key"] = work.key
        self.commit(unit)
        return response

    def _work(self, work: _Work, unit: Unit) -> Json:
        if work.fault is not None and work.fault.kind == "error_stored":
            error = {"type": "api_error", "message": "The provider failed."}
            raise ApiError(work.fault.status, error, executed=True)
        call = Call(
            self.world,
            unit,
            work.account,
            form.Params(work.values),
            work.variables,
            work.request.path,
        )
        try:
            return expand(call, public(work.route.handler(call)))
        except ApiError:
            raise
        except Exception:  # noqa: BLE001 - a defect here must look like a 500
            traceback.print_exc(file=sys.stderr)
            raise server_error(500, "The simulator failed; see its log.") from None

    def commit(self, unit: Unit) -> None:
        """Make a unit true and hand its events to the webhooks."""
        self.world.store.commit(unit)
        self.dispatcher.take(unit.emitted)

    def sweep(self) -> None:
        """Expire holds and sessions and let payouts arrive that are due."""
        due = self.world.deadlines.due(self.world.clock.now())
        for account, kind, reference in due:
            unit = self.world.unit()
            call = Call(self.world, unit, account, form.Params({}))
            _WHEN_DUE[kind](call, reference)
            if unit.changed:
                self.commit(unit)


_WHEN_DUE: Final[dict[str, Callable[[Call, str], None]]] = {
    "payment_intent": holds.expire,
    "payout": money.arrive,
    "checkout.session": checkout.expire_due,
}


def _too_many(retry_after_s: int = 0) -> ApiError:
    return ApiError(
        429,
        {
            "type": "invalid_request_error",
            "code": "rate_limit",
            "message": "Too many requests hit the API too quickly.",
        },
        retry_after_s=retry_after_s,
    )
