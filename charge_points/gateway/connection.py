"""One connected charge point: its RPC session, its order, its limits."""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

from websockets.frames import CloseCode

from charge_points.gateway import metrics, registration
from charge_points.gateway.exchange import Clock, Exchange, refused_entry
from charge_points.handlers.registry import (
    REGISTRATION_REJECTED,
    Answer,
    Payload,
    Peer,
    Refusal,
    Request,
    VersionTables,
)
from charge_points.ocpp.encoding import UnableToEncode
from charge_points.ocpp.errors import Fault, code_for
from charge_points.ocpp.frames import Call
from charge_points.ocpp.inbound import check_call
from charge_points.ocpp.rpc import (
    CallAnswered,
    CallExpired,
    CallRefused,
    Event,
    FrameRefused,
    Phase,
    RpcSession,
    TooBig,
)
from charge_points.ocpp.schemas import Violation

if TYPE_CHECKING:
    from charge_points.gateway.deferred import Deferred
    from charge_points.gateway.jobs import Kind
    from charge_points.gateway.journal import Journal
    from charge_points.gateway.limits import Limits
    from charge_points.gateway.station_socket import StationSocket
    from charge_points.gateway.writer import Writer
    from charge_points.handlers.registry import LoopHandler

logger = logging.getLogger(__name__)

QUIRK_REFUSED_CALL: Final = "refused_call"
QUIRK_PING_UNANSWERED: Final = "ping_unanswered"
PONG_DUE_S: Final = 2.0

CallEnd = CallAnswered | CallRefused | CallExpired
CallDone = Callable[[CallEnd], None]


@dataclass(frozen=True, slots=True)
class StationServices:
    """What all stations of a process share. ``kinds``: version -> action -> kind."""

    limits: "Limits"
    tables: Mapping[str, VersionTables]
    kinds: Mapping[str, Mapping[str, "Kind"]]
    writer: "Writer"
    journal: "Journal"
    clock: Clock
    deferred: "Deferred"
    ended: Callable[["Station"], None]


class Station:
    """A charge point's connection from the handshake to the end.

    CALLs are answered in the order in which they came: the next one is begun when the
    former was answered. Belongs to the event loop's thread.
    """

    __slots__ = (
        "_bad_frames",
        "_call_done",
        "_inbound",
        "_is_busy",
        "_is_held",
        "_pinged_at",
        "_services",
        "_session",
        "_socket",
        "_triggered",
        "cause",
        "heard_at",
        "is_draining",
        "peer",
        "remote",
        "seen_at",
    )

    def __init__(
        self, services: StationServices, socket: "StationSocket", peer: Peer, now: float
    ) -> None:
        """Begin; ``now`` is monotonic seconds."""
        self._services = services
        self._socket = socket
        self._session = RpcSession(peer.version)
        self._inbound: deque[tuple[Call, bytes, datetime]] | None = None
        self._is_busy = False
        self._is_held = False
        self._bad_frames = 0
        self._call_done: CallDone | None = None
        self._pinged_at: float | None = None
        self._triggered = registration.NOTHING
        self.peer = peer
        self.heard_at = now
        self.seen_at = services.clock()
        self.remote = ""
        self.cause = ""
        self.is_draining = False

    # ---- what comes in

    @property
    def fragments_max(self) -> int:
        """Frames of one fragmented message."""
        return self._services.limits.fragments_max

    def on_life(self) -> None:
        """A ping, pong or close frame arrived."""
        self.heard_at = self._socket.loop.time()
        self._pinged_at = None

    def on_message(self, data: bytes) -> None:
        """A text (or binary) message arrived."""
        self.heard_at = self._socket.loop.time()
        self.seen_at = self._services.clock()
        if self._pinged_at is not None:
            self._note_pong_missing(data)
        self._dispatch(self._session.receive_text(data), data)

    def _note_pong_missing(self, data: bytes) -> None:
        """It speaks but answers no ping: alive all the same, and pinged anew."""
        if self.heard_at - (self._pinged_at or 0) > PONG_DUE_S:
            self._count(QUIRK_PING_UNANSWERED, data)
            self._pinged_at = None

    def _dispatch(self, event: Event, data: bytes) -> None:
        if isinstance(event, Call):
            self._bad_frames = 0
            self._take_call(event, data)
        elif isinstance(event, CallAnswered | CallRefused):
            for quirk in event.quirks:
                self._count(quirk, data)
            self._end_call(event)
        elif isinstance(event, FrameRefused):
            self._refuse_frame(event, data)
        elif isinstance(event, TooBig):
            self.close(event.close_code, "message too big")
        elif event.quirk is not None:
            self._count(event.quirk, data)

    def _take_call(self, call: Call, data: bytes) -> None:
        if self.is_draining:
            # Unanswered, so that the charger sends it again to another process.
            return
        if self._inbound is None:
            self._inbound = deque()
        self._inbound.append((call, data, self.seen_at))
        if len(self._inbound) > self._services.limits.inbound_high:
            self._is_held = True
            self._socket.hold_reading()
        if not self._is_busy:
            self._pump()

    def _refuse_frame(self, event: FrameRefused, data: bytes) -> None:
        self._count(event.quirk, data)
        metrics.refusals(self.peer.version, event.code).inc()
        if event.reply is not None:
            self._send(event.reply)
        self._bad_frames += 1
        if self._bad_frames >= self._services.limits.bad_frames_max:
            self.close(CloseCode.POLICY_VIOLATION, "too many unreadable frames")

    # ---- the order of the CALLs

    def _pump(self) -> None:
        """Begin the CALLs that wait until one needs the writer."""
        inbound = self._inbound
        while inbound and not self._is_busy and self._socket.is_open:
            self._begin(*inbound.popleft())
        if self._is_held and len(inbound or ()) <= self._services.limits.inbound_low:
            self._is_held = False
            self._socket.resume_reading()

    def _begin(self, call: Call, data: bytes, at: datetime) -> None:
        peer, services = self.peer, self._services
        checked = check_call(peer.version, call)
        if isinstance(checked, Violation):
            self._refuse(call, data, at, Refusal(checked.code, checked.description))
            return
        route = services.tables[peer.version].routes.get(call.action)
        if route is None:
            code = code_for(peer.version, Fault.UNSUPPORTED_ACTION)
            text = f"{call.action} is not supported"
            self._refuse(call, data, at, Refusal(code, text))
            return
        refusal = registration.refusal(route, peer, self._triggered)
        if refusal is not None:
            self._refuse(call, data, at, refusal)
            return
        request = Request(
            peer=peer,
            action=call.action,
            payload=checked.payload,
            message_id=call.message_id,
            received_at=at,
            quirks=list(checked.quirks),
        )
        if route.mode == "loop":
            answer = self._on_loop(cast("LoopHandler", route.handler), request)
            self._reply(call, answer)
            if request.quirks:
                self._count_all(request, data)
            metrics.messages(peer.version, call.action).inc()
            return
        request.raw_text = data.decode("utf-8", "replace")
        self._is_busy = True
        kind = services.kinds[peer.version][call.action]
        services.writer.submit(kind, Exchange(call, request), self._finished)

    def _on_loop(self, handler: "LoopHandler", request: Request) -> Answer:
        try:
            return handler(request)
        except Exception:
            logger.exception("%s of %s failed", request.action, self.peer.identity)
            code = code_for(self.peer.version, Fault.INTERNAL)
            return Refusal(code, "Internal error; send again.")

    def _finished(self, exchange: Exchange) -> None:
        """The commit (or the failure) of the CALL in progress."""
        if exchange.later is not None and not exchange.is_stale:
            self._services.deferred.run(exchange, self._finished)
            return
        self._is_busy = False
        if exchange.is_stale:
            self.close(CloseCode.NORMAL_CLOSURE, "replaced by a newer connection")
            return
        if exchange.request.registration is not None:
            told = exchange.request.registration
            self.peer = replace(self.peer, registration=told)
        if exchange.answer is not None:
            self._reply(exchange.call, exchange.answer)
        if exchange.request.quirks:
            self._count_all(exchange.request, exchange.request.raw_text.encode())
        self._pump()

    # ---- answers

    def _reply(self, call: Call, answer: Answer) -> None:
        if self._session.phase is Phase.CLOSED:
            return
        try:
            if isinstance(answer, Refusal):
                details = dict(answer.details)
                text = self._session.refuse(
                    call, answer.code, answer.description, details
                )
            else:
                text = self._session.answer(call, answer)
        except UnableToEncode:
            logger.exception("the answer to %s cannot be written", call.action)
            code = code_for(self.peer.version, Fault.INTERNAL)
            text = self._session.refuse(call, code, "Internal error; send again.")
        self._send(text)

    def _refuse(self, call: Call, data: bytes, at: datetime, answer: Refusal) -> None:
        """Refuse a CALL before it reached a handler; counted and logged."""
        metrics.refusals(self.peer.version, answer.code).inc()
        self._count(QUIRK_REFUSED_CALL, data)
        self._reply(call, answer)
        entry = refused_entry(self.peer, call, data, answer, at)
        self._services.journal.add_entry(entry)

    def _send(self, text: bytes) -> None:
        if not self._socket.is_open:
            return
        self._socket.send_now(text)
        if self._socket.unsent_bytes > self._services.limits.unsent_bytes_max:
            self.close(CloseCode.POLICY_VIOLATION, "slow consumer", abandon=True)

    def _count_all(self, request: Request, data: bytes) -> None:
        """Count each quirk once; a handler that ran twice may have added it twice."""
        for quirk in dict.fromkeys(request.quirks):
            self._count(quirk, data)

    def _count(self, quirk: str, data: bytes) -> None:
        example = data[:1000].decode("utf-8", "replace")
        self._services.journal.add_quirk(self.peer, quirk, example, self.seen_at)

    # ---- CALLs of ours

    @property
    def is_busy(self) -> bool:
        """Whether a CALL of the charge point is being executed."""
        return self._is_busy

    @property
    def awaits_answer(self) -> bool:
        """Whether a CALL of ours is open."""
        return self._session.phase is Phase.WAITING

    @property
    def is_open(self) -> bool:
        """Whether messages can still be sent."""
        return self._session.phase is not Phase.CLOSED and self._socket.is_open

    @property
    def certificate(self) -> tuple[str, bytes]:
        """Number and issuer of the client certificate that let it in, or empty."""
        return self._socket.certificate_serial, self._socket.certificate_issuer

    @property
    def can_call(self) -> bool:
        """Whether a CALL of ours may be sent now (one at a time)."""
        return self._session.phase is Phase.IDLE and self._socket.is_open

    @property
    def is_ready_for_call(self) -> bool:
        """As ``can_call``; nothing is begun while it drains or with a rejected one."""
        rejected = self.peer.registration == REGISTRATION_REJECTED
        return self.can_call and not self.is_draining and not rejected

    def send_call(
        self,
        message_id: str,
        action: str,
        payload: Payload,
        done: CallDone,
    ) -> bytes:
        """Send a CALL; ``done`` is called once with its end.

        Returns:
            The text that was sent.

        Raises:
            UnableToMove: another CALL is open or the connection is closed.
            UnableToEncode: the payload is no JSON; nothing was sent.
        """
        deadline = self._socket.loop.time() + self._services.limits.command_timeout_s
        text = self._session.send_call(message_id, action, payload, deadline=deadline)
        self._call_done = done
        self._triggered |= registration.triggered_by(action, payload)
        self._send(text)
        return text

    def _end_call(self, end: CallEnd) -> None:
        done, self._call_done = self._call_done, None
        if done is not None:
            done(end)

    # ---- time and end

    def tick(self, now: float) -> None:
        """Look at the clocks: open CALL, ping, missing pong; monotonic seconds."""
        expired = self._session.expire(now)
        if expired is not None:
            self._end_call(expired)
        limits = self._services.limits
        silent_s = now - self.heard_at
        if silent_s > limits.ping_interval_s + limits.ping_timeout_s:
            self.close(CloseCode.INTERNAL_ERROR, "ping timeout", abandon=True)
        elif silent_s > limits.ping_interval_s and self._pinged_at is None:
            self._pinged_at = now
            if self._socket.is_open:
                self._socket.ping_now()

    def close(self, code: int, reason: str, *, abandon: bool = False) -> None:
        """Begin the end of the connection; ``abandon`` does not wait for the peer."""
        if not self.cause:
            self.cause = reason
            metrics.CLOSED.labels(reason).inc()
        if abandon:
            self._socket.abandon(code, reason)
        else:
            self._socket.close_soon(code, reason)

    def ended(self) -> None:
        """The socket is closed: nothing can be answered or sent any more."""
        expired = self._session.close()
        self._inbound = None
        if expired is not None:
            self._end_call(expired)
        if not self.cause:
            self.cause = "closed by the charge point"
            metrics.CLOSED.labels(self.cause).inc()
        self._services.ended(self)
