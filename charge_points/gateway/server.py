"""One gateway process: event loop, writer thread, listeners, and their end."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
from collections.abc import Coroutine
from typing import Any, Final, cast

from prometheus_client import start_http_server
from websockets.asyncio.server import Server, ServerConnection
from websockets.frames import CloseCode

from charge_points.gateway.admission import Admission, AdmissionDesk, Reception
from charge_points.gateway.bus import COMMANDS, EVICTIONS, TRUST, Bus
from charge_points.gateway.commands import CommandDesk, CommandWork
from charge_points.gateway.connection import Station, StationServices
from charge_points.gateway.connection_work import ConnectionWork
from charge_points.gateway.deferred import Deferred
from charge_points.gateway.directory import Directory
from charge_points.gateway.doors import Closing
from charge_points.gateway.exchange import ExchangeFrame, request_kinds
from charge_points.gateway.failures import FailureLimit
from charge_points.gateway.journal import Journal
from charge_points.gateway.listening import listen
from charge_points.gateway.plan import Plan
from charge_points.gateway.presence import Presence
from charge_points.gateway.refused_certificates import RefusedCertificates
from charge_points.gateway.station_socket import StationSocket
from charge_points.gateway.trusting import TrustDesk
from charge_points.gateway.writer import Writer

logger = logging.getLogger(__name__)

NOTES_INTERVAL_S: Final = 2.0
PARENT_INTERVAL_S: Final = 0.5
WRITER_STOP_S: Final = 10.0
TASKS_STOP_S: Final = 3.0
# A database that is away must not keep stations with passwords out.
TRUST_START_S: Final = 5.0
STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Gateway:
    """One gateway process."""

    def __init__(self, plan: Plan) -> None:
        """Assemble; call from the running event loop."""
        self._plan = plan
        limits = plan.limits
        self.directory = Directory()
        self.bus = Bus(plan.redis_url, limits)
        self.journal = Journal(plan.doors)
        frame = ExchangeFrame(plan.doors, self.journal, plan.clock)
        self.writer = Writer(limits, frame, self._writer_died)
        self.presence = Presence(
            self.bus,
            self.directory,
            limits,
            place=(plan.node, plan.process),
            on_disputed=self._disputed,
        )
        work = CommandWork(plan.doors, plan.tables, node=plan.node, clock=plan.clock)
        self.commands = CommandDesk(
            work,
            self.directory,
            self.writer,
            self.journal,
            limits=limits,
            clock=plan.clock,
        )
        self.deferred = Deferred(self.journal, limits, plan.clock)
        self._services = StationServices(
            limits=limits,
            tables=plan.tables,
            kinds={name: request_kinds(t) for name, t in plan.tables.items()},
            writer=self.writer,
            journal=self.journal,
            clock=plan.clock,
            deferred=self.deferred,
            ended=self._ended,
        )
        self._work = ConnectionWork(plan.doors)
        self.trust = TrustDesk(
            plan.doors,
            self.writer,
            limits,
            keepers=[held.tls for held in plan.listeners if held.tls is not None],
            client_ca=plan.client_ca,
            on_change=self._drop_revoked,
        )
        self._reception = self._make_reception()
        self._servers: list[Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._is_draining = False
        self.failed = False

    def _make_reception(self) -> Reception:
        plan = self._plan
        repeatable = frozenset(
            action
            for tables in plan.tables.values()
            for action, outgoing in tables.outgoing.items()
            if outgoing.repeatable
        )
        desk = AdmissionDesk(
            plan.doors, key=plan.password_key, node=plan.node, repeatable=repeatable
        )
        return Reception(
            desk=desk,
            writer=self.writer,
            limits=plan.limits,
            failures=FailureLimit(plan.limits),
            clock=plan.clock,
            proxies=plan.proxies,
            trust=self.trust,
            refused=RefusedCertificates(plan.doors, self.writer, plan.clock),
            admit=self._admit,
        )

    # ---- life of the process

    async def run(self) -> bool:
        """Serve until a signal; True when everything ended in order."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            for number in STOP_SIGNALS:
                loop.add_signal_handler(number, self.stop)
            loop.add_signal_handler(signal.SIGHUP, self.trust.reload)
        await self.start()
        await self._stop.wait()
        return await self.drain()

    async def start(self) -> None:
        """Begin to listen; ``on_ready`` gets the ports."""
        loop = asyncio.get_running_loop()
        self.writer.start(loop)
        if any(held.tls is not None for held in self._plan.listeners):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.trust.refresh(), TRUST_START_S)
        for listener in self._plan.listeners:
            self._servers.append(
                await listen(listener, self._reception, self._plan.limits, self._serve)
            )
        listeners = {
            COMMANDS: self.commands.on_message,
            EVICTIONS: self._on_eviction,
            TRUST: self.trust.wake,
        }
        for work in (
            self.bus.listen(listeners, self._on_bus_ready),
            self.presence.follow_changes(),
            self.presence.refresh(),
            self.commands.run(),
            self._tick(),
            self._write_notes(),
            self.trust.run(),
            self.trust.watch_files(),
        ):
            self._spawn(work)
        if self._plan.parent_pid:
            self._spawn(self._watch_parent())
        if self._plan.metrics_port:
            start_http_server(self._plan.metrics_port, self._plan.metrics_host)
        # A full collection over thousands of connections stops the loop for hundreds
        # of milliseconds; what lives now, lives on.
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 50, 100_000)
        self._plan.on_ready(self.ports)

    @property
    def ports(self) -> list[int]:
        """The port of each listener, in order."""
        return [int(s.sockets[0].getsockname()[1]) for s in self._servers]

    def stop(self) -> None:
        """Drain and end; a second call does not wait for anything."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def drain(self) -> bool:
        """Take nothing new, finish what is in progress, close, stop the writer.

        Leases stay: the charge points come back to another process, and those that
        do not go offline when their lease runs out.
        """
        self._is_draining = True
        self.commands.is_stopped = True
        for server in self._servers:
            server.close(close_connections=False)
        for station in self.directory:
            station.is_draining = True
        await self._wait_for_work()
        for station in self.directory:
            station.close(CloseCode.GOING_AWAY, "the gateway restarts")
        await self._wait_for_sockets()
        await self._end_tasks()
        self.deferred.close()
        finished = await self.writer.stop(WRITER_STOP_S)
        await self.bus.close()
        return finished and not self.failed

    async def _end_tasks(self) -> None:
        """Cancel until they are gone: a client library may swallow a cancellation."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + TASKS_STOP_S
        while self._tasks and loop.time() < deadline:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=0.1)

    async def _wait_for_work(self) -> None:
        """Until no CALL is in progress, the time is up, or somebody is in a hurry."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._plan.limits.drain_s
        while not self._hurry.is_set() and loop.time() < deadline:
            busy = any(s.is_busy or s.awaits_answer for s in self.directory)
            if not busy and self.writer.pending == 0:
                return
            await asyncio.sleep(0.02)

    async def _wait_for_sockets(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._plan.limits.close_timeout_s
        while len(self.directory) and loop.time() < deadline:
            if self._hurry.is_set():
                break
            await asyncio.sleep(0.02)
        for station in self.directory:
            station.close(CloseCode.GOING_AWAY, "the gateway restarts", abandon=True)

    def _writer_died(self) -> None:
        """Nothing can be answered any more: end, and be replaced."""
        self.failed = True
        self._hurry.set()
        self._stop.set()

    # ---- listening

    async def _serve(self, server_connection: ServerConnection) -> None:
        """The life of an opened websocket."""
        connection = cast("StationSocket", server_connection)
        station = connection.station
        if station is None:
            # OCPP-J 1.6, 3.1.2: complete the handshake, then close at once.
            await connection.close(
                CloseCode.PROTOCOL_ERROR, "subprotocol must be ocpp2.0.1 or ocpp1.6"
            )
            return
        connection.forget_handshake()
        self._connected(station)
        await connection.wait_closed()

    # ---- charge points come and go

    def _admit(self, socket: StationSocket, admission: Admission) -> bool:
        peer = admission.peer
        assert peer is not None
        here = self.directory.get(peer.charge_point_id)
        limit = self._plan.limits.connections_max
        if here is None and len(self.directory) >= limit:
            return False
        now = asyncio.get_running_loop().time()
        station = Station(self._services, socket, peer, now)
        for quirk in admission.verdict.quirks:
            self.journal.add_quirk(peer, quirk, "", station.seen_at)
        socket.station = station
        return True

    def _connected(self, station: Station) -> None:
        replaced = self.directory.add(station)
        if replaced is not None:
            _replaced(replaced)
        if replaced is station:
            return
        if self._is_draining:
            station.close(CloseCode.GOING_AWAY, "the gateway restarts")
            return
        self.presence.came(station)
        # It may have been revoked since it was looked at.
        self._drop_if_revoked(station)
        self.commands.wake([station.peer.charge_point_id])

    def _ended(self, station: Station) -> None:
        if not self.directory.remove(station) or self._is_draining:
            return
        self.presence.went(station)
        closing = Closing(
            charge_point_id=station.peer.charge_point_id,
            operator_id=station.peer.operator_id,
            generation=station.peer.generation,
            seen_at=station.seen_at,
            cause=station.cause,
            at=self._plan.clock(),
        )
        self.writer.submit(self._work.close, closing, _nothing)

    # ---- the newest connection

    def _disputed(self, station: Station) -> None:
        """A newer lease exists; the database knows whether it is true."""

        def decide(newest: int) -> None:
            if newest > station.peer.generation:
                _replaced(station)
            elif newest == station.peer.generation and station.is_open:
                self.presence.prove(station)

        self.writer.submit(self._work.newest, station.peer.charge_point_id, decide)

    # ---- certificates

    def _drop_revoked(self) -> None:
        for station in self.directory:
            self._drop_if_revoked(station)

    def _drop_if_revoked(self, station: Station) -> None:
        serial_number, issuer = station.certificate
        if serial_number and self.trust.is_revoked(serial_number, issuer):
            logger.warning("%s: its certificate was revoked", station.peer.identity)
            station.close(CloseCode.POLICY_VIOLATION, "the certificate was revoked")

    # ---- wake-ups

    def _on_eviction(self, payload: str) -> None:
        identity, _, generation = payload.partition("/")
        if not identity.isdigit() or not generation.isdigit():
            return
        station = self.directory.get(int(identity))
        if station is not None and station.peer.generation < int(generation):
            _replaced(station)

    def _on_bus_ready(self) -> None:
        """Wake-ups may have been lost: look at everything once."""
        self.trust.wake(TRUST)
        self.commands.wake_all()
        for station in self.directory:
            self.presence.came(station)

    # ---- regular work

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._plan.limits.tick_s)
            now = loop.time()
            for station in self.directory:
                station.tick(now)

    async def _write_notes(self) -> None:
        """Notes leave with the next batch; when there is none, make one."""
        while True:
            await asyncio.sleep(NOTES_INTERVAL_S)
            if not self.journal.is_empty and self.writer.pending == 0:
                await self.writer.call(self._work.notes, None)

    async def _watch_parent(self) -> None:
        """A child without its supervisor would hold the port for ever."""
        while os.getppid() == self._plan.parent_pid:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(PARENT_INTERVAL_S)
        logger.warning("the supervisor is gone: draining")
        self.stop()
        await asyncio.Event().wait()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)

    def _task_ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        logger.critical("a task of the gateway died", exc_info=task.exception())
        self._writer_died()


def _replaced(station: Station) -> None:
    station.close(CloseCode.NORMAL_CLOSURE, "replaced by a newer connection")


def _nothing(_result: object) -> None:
    """Nobody waits for this result."""
