"""Runs a plan: connect all, prepare all, measure, finish all."""

import asyncio
import contextlib
import gc
import ssl
import time
from collections import deque
from typing import Final
from urllib.parse import urlsplit

import uvloop

from simulators.errors import (
    SimulatorError,
    UnableToEnter,
    UnableToReach,
    UnableToUnderstand,
)
from simulators.load.connection import Connection, HandshakeRefused, Tally
from simulators.load.plan import CONNECTIONS_MAX, MESSAGES, Plan
from simulators.load.report import Report, build_report
from simulators.load.scenarios import Scenario, Talk, UnexpectedAnswer

PACE_S: Final = 0.001


class UnableToPrepare(SimulatorError):
    """A station could not be brought to where the load begins."""


class Pacer:
    """Lets calls out at a fixed rate, whichever connection is free."""

    def __init__(self, rate: float, connections: list[Connection]) -> None:
        """Take the connections in; each comes back when its answer is here."""
        self._interval_s = 1.0 / rate
        self._free = deque(connections)
        self._due: deque[float] = deque()
        self._stopped = False
        for connection in connections:
            connection.on_idle = self._freed

    def _freed(self, connection: Connection) -> bool:
        if self._due and not self._stopped:
            due_at_s = self._due.popleft()
            asyncio.get_running_loop().call_soon(connection.go_on, due_at_s)
        else:
            self._free.append(connection)
        return False

    async def run(self, until_s: float) -> None:
        """Let calls out until the clock (`time.perf_counter`) says so."""
        next_at_s = time.perf_counter()
        while (now_s := time.perf_counter()) < until_s:
            while next_at_s <= now_s:
                self._let_out(next_at_s)
                next_at_s += self._interval_s
            await asyncio.sleep(PACE_S)
        self._stopped = True

    def _let_out(self, due_at_s: float) -> None:
        while self._free:
            connection = self._free.popleft()
            if connection.alive:
                connection.go_on(due_at_s)
                return
        self._due.append(due_at_s)


async def run_load(plan: Plan) -> Report:
    """Run a plan on the running loop and return its report.

    Raises:
        UnableToUnderstand: the plan makes no sense.
        UnableToReach: nobody answers.
        UnableToEnter: a handshake was refused.
        UnableToPrepare: a boot or a start was refused.
    """
    _check(plan)
    tally = Tally()
    began_s = time.perf_counter()
    connections = await _connect_all(plan, tally)
    connected_s = time.perf_counter()
    try:
        await _prepare(connections, plan)
        prepared_s = time.perf_counter()
        times = {"connect": connected_s - began_s, "prepare": prepared_s - connected_s}
        report = await _measure(plan, connections, tally, times)
        await _each([each for each in connections if each.alive], plan, "finish")
    finally:
        for connection in connections:
            connection.close()
        await asyncio.sleep(0)
    return report


def run_plan(plan: Plan) -> Report:
    """Run a plan on a uvloop of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run_load(plan))


def _check(plan: Plan) -> None:
    if plan.message not in MESSAGES:
        msg = f"The message {plan.message!r} is not one of {', '.join(MESSAGES)}."
        raise UnableToUnderstand(msg)
    if plan.version not in {"1.6", "2.0.1"}:
        msg = f"OCPP {plan.version!r} is neither 1.6 nor 2.0.1."
        raise UnableToUnderstand(msg)
    if (plan.message, plan.version) in {
        ("transaction-event", "1.6"),
        ("meter-values", "2.0.1"),
    }:
        msg = f"{plan.message} is not of OCPP {plan.version}."
        raise UnableToUnderstand(msg)
    if not 0 < plan.connections <= CONNECTIONS_MAX or plan.seconds <= 0:
        msg = f"connections must be 1 to {CONNECTIONS_MAX} and seconds above 0."
        raise UnableToUnderstand(msg)
    if plan.samples_per_charge < 1 or plan.rate < 0:
        msg = "a charge needs one sample or more, and a rate cannot be negative."
        raise UnableToUnderstand(msg)


def _target(plan: Plan) -> tuple[str, int, ssl.SSLContext | None]:
    address = urlsplit(plan.url)
    if address.scheme not in {"ws", "wss"} or not address.hostname:
        msg = f"{plan.url!r} is no address like ws://host:port/ocpp."
        raise UnableToUnderstand(msg)
    tls = None
    if address.scheme == "wss":
        tls = ssl.create_default_context(cafile=plan.ca_file or None)
    return address.hostname, address.port or (443 if tls else 80), tls


async def _connect_all(plan: Plan, tally: Tally) -> list[Connection]:
    host, port, tls = _target(plan)
    gate = asyncio.Semaphore(plan.connect_parallel)
    loop = asyncio.get_running_loop()

    async def connect(index: int) -> Connection:
        connection = Connection(plan, Scenario(plan, plan.identity(index)), tally)
        async with gate, asyncio.timeout(plan.answer_timeout_s):
            await loop.create_connection(lambda: connection, host, port, ssl=tls)
            await connection.ready
        return connection

    tasks = [asyncio.ensure_future(connect(n)) for n in range(plan.connections)]
    try:
        return list(await asyncio.gather(*tasks))
    except HandshakeRefused as error:
        await _abandon(tasks)
        msg = f"The server at {plan.url} refused: {error}."
        raise UnableToEnter(msg) from error
    except (OSError, TimeoutError) as error:
        await _abandon(tasks)
        msg = f"No OCPP server takes the load at {plan.url}: {error!r}."
        raise UnableToReach(msg) from error


async def _abandon(tasks: list[asyncio.Task[Connection]]) -> None:
    for task in tasks:
        task.cancel()
    for each in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(each, Connection):
            each.close()


async def _prepare(connections: list[Connection], plan: Plan) -> None:
    try:
        await _each(connections, plan, "prepare")
    except UnableToPrepare:
        # What was opened must not stand in the way of the next run.
        with contextlib.suppress(UnableToPrepare):
            await _each([each for each in connections if each.alive], plan, "finish")
        raise


async def _each(connections: list[Connection], plan: Plan, part: str) -> None:
    gate = asyncio.Semaphore(plan.connect_parallel)

    async def run(connection: Connection) -> None:
        scenario = connection.scenario
        talk: Talk = scenario.prepare() if part == "prepare" else scenario.finish()
        connection.on_idle = lambda _: True
        async with gate, asyncio.timeout(plan.answer_timeout_s):
            await connection.run(talk)

    results = await asyncio.gather(*map(run, connections), return_exceptions=True)
    for result in results:
        if isinstance(result, UnexpectedAnswer | OSError | TimeoutError | KeyError):
            msg = f"The load could not {part}: {result!r}."
            raise UnableToPrepare(msg) from result
        if isinstance(result, BaseException):
            raise result


async def _measure(
    plan: Plan, connections: list[Connection], tally: Tally, times: dict[str, float]
) -> Report:
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        pacing = _set_off(plan, connections)
        await asyncio.sleep(plan.warmup_s)
        units = sum(each.scenario.units for each in connections)
        tally.recording = True
        began_s, cpu_s = time.perf_counter(), time.process_time()
        await asyncio.sleep(plan.seconds)
        tally.recording = False
        seconds = time.perf_counter() - began_s
        times["cpu"] = time.process_time() - cpu_s
        units = sum(each.scenario.units for each in connections) - units
    finally:
        gc.enable()
        gc.unfreeze()
    await _quieten(plan, connections, tally, pacing)
    times["frame_bytes"] = connections[0].frame_bytes
    return build_report(
        plan,
        seconds=seconds,
        latencies_s=tally.latencies_s,
        units=units,
        times=times,
        errors=dict(tally.errors),
    )


def _set_off(plan: Plan, connections: list[Connection]) -> "asyncio.Task[None] | None":
    if not plan.rate:
        for connection in connections:
            connection.begin(connection.scenario.work())
        return None
    pacer = Pacer(plan.rate, connections)
    for connection in connections:
        connection.hold(connection.scenario.work())
    until_s = time.perf_counter() + plan.warmup_s + plan.seconds
    return asyncio.create_task(pacer.run(until_s))


async def _quieten(
    plan: Plan,
    connections: list[Connection],
    tally: Tally,
    pacing: "asyncio.Task[None] | None",
) -> None:
    """Wait for the answers that are under way."""
    if pacing is not None:
        await pacing
    for connection in connections:
        connection.leave()
    until_s = time.perf_counter() + plan.answer_timeout_s
    while any(each.waiting for each in connections):
        if time.perf_counter() > until_s:
            silent = sum(each.waiting for each in connections)
            tally.errors["never answered"] += silent
            return
        await asyncio.sleep(PACE_S * 10)
