"""What every simulated station has: its organs, its line, its registration."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Self, TypeVar

from simulators.charge_point.build import build_outlets, build_parts
from simulators.charge_point.clock import StationClock
from simulators.charge_point.dialect import Dialect
from simulators.charge_point.facts import (
    Registration,
    Status,
    StatusFact,
    TokenAnswer,
)
from simulators.charge_point.faults import FaultPlan
from simulators.charge_point.flow import ChargeFlow
from simulators.charge_point.link import Address, CallRefused, Link
from simulators.charge_point.options import Settings, StationOptions
from simulators.charge_point.queue import FactQueue
from simulators.charge_point.quirks import QuirkSet
from simulators.charge_point.remote import RemoteControl
from simulators.charge_point.v16.dialect import Dialect16
from simulators.charge_point.v201.dialect import Dialect201
from simulators.charge_point.wire import FrameLog, LineDown, Wire
from simulators.errors import (
    UnableToEnter,
    UnableToReach,
    UnableToUnderstand,
    WaitedTooLong,
)
from simulators.journal import Event, Journal, Listener
from simulators.shapes import Connection, Message

T = TypeVar("T")

DIALECTS: Final[dict[str, type[Dialect]]] = {"1.6": Dialect16, "2.0.1": Dialect201}
BOOT_ATTEMPTS_MAX: Final = 20
BOOT_RETRY_S_MAX: Final = 5.0


class StationBase:
    """A station's connectors, line and memory; `SimulatedStation` adds people."""

    def __init__(
        self,
        url: str,
        identity: str,
        version: str = "1.6",
        password: str = "",
        options: StationOptions | None = None,
        *,
        listener: Listener | None = None,
    ) -> None:
        """Build the station; nothing happens before `connect`."""
        if version not in DIALECTS:
            msg = f"OCPP {version!r} is not one of {', '.join(DIALECTS)}."
            raise UnableToUnderstand(msg)
        options = options or StationOptions()
        self.identity, self.options = identity, options
        self.url, self.password = url, password
        self.frames = FrameLog()
        self.logger = logging.getLogger("simulators.charge_point")
        self.journal = Journal(identity, listener)
        self._parts = build_parts(identity, options, self.journal)
        self._quirks = QuirkSet(options.quirks)
        self.dialect = DIALECTS[version](self)
        self._parts.dialect = self.dialect
        self._parts.link = Link(
            options=options,
            make_wire=self._make_wire,
            make_peer=self.dialect.peer,
            on_down=self._line_went_down,
        )
        self._parts.queue = FactQueue(
            deliver=self.dialect.deliver,
            journal=self.journal,
            faults=self._parts.faults,
            options=options,
            settings=self._parts.settings,
        )
        self.outlets = build_outlets(options)
        self.flows = {
            number: ChargeFlow(self._parts, outlet)
            for number, outlet in self.outlets.items()
        }
        self.remote = RemoteControl(self, self._parts)
        self.token_cache: dict[str, TokenAnswer] = {}
        self.registration: Registration | None = None
        self._wants_line = False
        self._sender: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None

    # -- line ------------------------------------------------------------------

    @property
    def online(self) -> bool:
        """Whether the line is up."""
        return self._parts.link.is_up

    @property
    def events(self) -> list[Event]:
        """Everything that happened so far."""
        return self.journal.all()

    @property
    def settings(self) -> Settings:
        """What the server may change."""
        return self._parts.settings

    @property
    def clock(self) -> StationClock:
        """The station's own clock."""
        return self._parts.clock

    @property
    def faults(self) -> FaultPlan:
        """The faults still to happen; `faults.add` plans more."""
        return self._parts.faults

    async def connect(self, timeout_s: float | None = None) -> None:
        """Open the line.

        Raises:
            UnableToReach: nobody listens there.
            UnableToEnter: the server refused.
        """
        self._wants_line = True
        if self._sender is None:
            self._sender = asyncio.create_task(self._parts.queue.run())
        address = Address(
            self.url, self.identity, self.dialect.subprotocol, self.password
        )
        await self._parts.link.open(address, timeout_s or self.options.timeout_s)
        self.journal.add("connected", url=address.full_url)
        self._open_queue()

    async def boot(
        self, reason: str = "PowerUp", timeout_s: float | None = None
    ) -> Registration:
        """Send BootNotification until Accepted, then every connector's status.

        Raises:
            UnableToEnter: the server answered Rejected, or Pending for too long.
        """
        return await self.within(timeout_s, "a boot", self._boot(reason))

    async def _boot(self, reason: str) -> Registration:
        answer = await self._boot_once(reason)
        for _ in range(BOOT_ATTEMPTS_MAX):
            self.registration = answer
            self.journal.add("booted", status=answer.status)
            if answer.status != "Pending":
                break
            await asyncio.sleep(min(answer.interval_s, BOOT_RETRY_S_MAX))
            answer = await self._boot_once(reason)
        if answer.status != "Accepted":
            msg = (
                f"{self.identity}: the server answered BootNotification with"
                f" {answer.status}; accept the charge point there first."
            )
            raise UnableToEnter(msg)
        self.settings.heartbeat_interval_s = answer.interval_s or 300
        if self._beating is not None:
            self._beating.cancel()
        self._beating = self._parts.errands.spawn(self._beat())
        self._open_queue()
        if self.dialect.tells_station_status:
            self._tell_station_status()
        for flow in self.flows.values():
            flow.report_status(again=True)
        await self._parts.queue.drained()
        return answer

    def _tell_station_status(self) -> None:
        now = self.clock.now()
        self._parts.queue.push(
            StatusFact(
                evse=0, connector=0, number=0, word=Status.AVAILABLE.value, at=now
            )
        )

    async def _boot_once(self, reason: str) -> Registration:
        while True:
            try:
                return await self.dialect.boot(reason)
            except LineDown:
                await asyncio.sleep(self.options.reconnect_delay_s)

    async def start(self, timeout_s: float | None = None) -> None:
        """Connect and boot."""
        await self.connect(timeout_s)
        await self.boot(timeout_s=timeout_s)

    async def close(self) -> None:
        """End everything politely; a running transaction stays open."""
        self._wants_line = False
        await self._parts.errands.end()
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.wait({self._sender})
            self._sender = None
        await self._parts.link.close()

    async def __aenter__(self) -> Self:
        """Connect and boot."""
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    async def go_offline(self) -> None:
        """Pull the network cable; what happens now is told later."""
        self._wants_line = False
        await self._parts.link.cut()

    async def come_back(self, timeout_s: float | None = None) -> None:
        """Put the network cable back and send what was kept."""
        await self.connect(timeout_s)
        await self.settle(timeout_s)

    async def settle(self, timeout_s: float | None = None) -> None:
        """Wait until the server has everything that happened so far."""
        await self.within(
            timeout_s, "the server to take all facts", self._parts.queue.drained()
        )

    async def reboot(
        self, boot_reason: str = "RemoteReset", stop_reason: str = "Reboot"
    ) -> None:
        """Stop what runs, drop the line, come back and boot."""
        for flow in self.flows.values():
            if flow.outlet.transaction is not None:
                flow.stop_at_once(stop_reason, "ResetCommand")
        with contextlib.suppress(WaitedTooLong):
            await self.settle()
        self._parts.queue.shut()
        self.registration = None
        self._wants_line = False
        await self._parts.link.close()
        self.journal.add("rebooted", reason=boot_reason)
        await self._reconnect()
        await self.boot(boot_reason)

    # -- anything else ---------------------------------------------------------

    async def wait_for(
        self,
        name: str,
        *,
        after: int = 0,
        timeout_s: float | None = None,
        where: Callable[[Event], bool] | None = None,
    ) -> Event:
        """Wait for an event of the journal (see `Journal.wait_for`)."""
        limit = timeout_s or self.options.timeout_s
        return await self.journal.wait_for(
            name, timeout_s=limit, after=after, where=where
        )

    async def heartbeat(self, timeout_s: float | None = None) -> str:
        """Send Heartbeat and return the server's time."""
        work = self.dialect.heartbeat()
        return await self.within(timeout_s, "an answer to Heartbeat", work)

    async def send(
        self, action: str, payload: dict[str, Any], timeout_s: float | None = None
    ) -> Message:
        """Send any message of the version and return its answer."""
        work = self.dialect.send(action, payload)
        return await self.within(timeout_s, f"an answer to {action}", work)

    async def call(self, payload: Message) -> Message:
        """Send a CALL of the `ocpp` package (see `Link.call`)."""
        return await self._parts.link.call(payload)

    def facts_wait(self, reference: str | None) -> bool:
        """Whether facts of a transaction (None: of any) are still unsent."""
        return self._parts.queue.has_facts_of(reference)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[None]:
        """Run something beside until `close`."""
        return self._parts.errands.spawn(work)

    async def renew_line(self) -> None:
        """Connect anew, as after a change of credentials."""
        self._wants_line = False
        await self._parts.link.close()
        await self._reconnect()

    # -- inside ----------------------------------------------------------------

    def flow(self, number: int) -> ChargeFlow:
        """Return the flow of a connector by its number."""
        if number not in self.flows:
            msg = f"{self.identity} has no connector {number}, only {[*self.flows]}."
            raise UnableToUnderstand(msg)
        return self.flows[number]

    def _make_wire(self, connection: Connection) -> Wire:
        wire = Wire(
            connection,
            faults=self.faults,
            quirks=self._quirks,
            journal=self.journal,
            frames=self.frames,
        )
        wire.on_answered = self.remote.answered
        return wire

    def _open_queue(self) -> None:
        if self.registration is not None and self.registration.status == "Accepted":
            self._parts.queue.open()

    def _line_went_down(self) -> None:
        if self.online:
            return
        self._parts.queue.shut()
        self.journal.add("disconnected")
        if self._wants_line and self.options.auto_reconnect:
            self.spawn(self._reconnect())

    async def _reconnect(self) -> None:
        delay_s = self.options.reconnect_delay_s
        while True:
            await asyncio.sleep(delay_s)
            if self.online:
                return
            try:
                await self.connect()
            except (UnableToReach, UnableToEnter) as error:
                self.journal.add("connect_failed", error=str(error))
                delay_s = min(2 * delay_s, self.options.reconnect_delay_max_s)
            else:
                return

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(max(1, self.settings.heartbeat_interval_s))
            if self.online and self.registration is not None:
                with contextlib.suppress(LineDown, CallRefused, TimeoutError):
                    await self.dialect.heartbeat()

    async def within(self, timeout_s: float | None, what: str, work: Awaitable[T]) -> T:
        """Await `work` under the time limit; `what` names it in the error."""
        limit_s = timeout_s or self.options.timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await work
        except TimeoutError:
            msg = f"{self.identity} waited {limit_s} s for {what}."
            raise WaitedTooLong(msg) from None
