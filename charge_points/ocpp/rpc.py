"""The RPC layer of one connection as a pure state machine: no socket, no clock.

Text goes in by ``receive_text`` and comes out as one event; requests and answers of
ours go in as data and come out as bytes to send. At most one CALL of ours is open
(OCPP-J 1.6, 4.1.1; 2.0.1 part 4, 4.1.1). An illegal move changes nothing.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from charge_points.ocpp import quirk_names as quirk
from charge_points.ocpp.errors import Fault, code_for
from charge_points.ocpp.frames import (
    CLOSE_CODE_TOO_BIG,
    HARD_LIMIT_BYTES,
    UNREADABLE_ID,
    Call,
    CallError,
    CallResult,
    FrameError,
    encode_call,
    encode_error,
    encode_result,
    parse_frame,
)
from charge_points.ocpp.json_types import Payload
from charge_points.ocpp.wire_text import is_over

# CALLs of the station that wait for our answer. The specification allows one; a
# station that empties its backlog sends more. Above the limit it is told to retry.
WAITING_CALLS_LIMIT: Final = 32

# Ids of our CALLs that timed out, so that a late answer is told from a wrong one.
EXPIRED_IDS_LIMIT: Final = 8


class Phase(StrEnum):
    """Where the outgoing side of a session stands."""

    IDLE = "idle"
    WAITING = "waiting"
    CLOSED = "closed"


class Move(StrEnum):
    """What can happen to the outgoing side."""

    SEND = "send"
    RESULT = "result"
    ERROR = "error"
    EXPIRE = "expire"
    CLOSE = "close"


TRANSITIONS: Final[dict[tuple[Phase, Move], Phase]] = {
    (Phase.IDLE, Move.SEND): Phase.WAITING,
    (Phase.WAITING, Move.RESULT): Phase.IDLE,
    (Phase.WAITING, Move.ERROR): Phase.IDLE,
    (Phase.WAITING, Move.EXPIRE): Phase.IDLE,
    (Phase.IDLE, Move.CLOSE): Phase.CLOSED,
    (Phase.WAITING, Move.CLOSE): Phase.CLOSED,
}


class UnableToMove(Exception):
    """The caller asked for a move that the session's phase does not have."""


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A CALL of ours that waits for its answer.

    Attributes:
        message_id: Chosen by the caller.
        action: The action called.
        payload: As given to ``send_call``.
        deadline: The instant, on the caller's monotonic clock in seconds, after which
            ``expire`` gives the call up.
    """

    message_id: str
    action: str
    payload: Payload
    deadline: float


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The station answered our CALL; `payload` is not yet validated."""

    call: OpenCall
    payload: Payload
    quirks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallRefused:
    """The station answered our CALL by a CALLERROR, or unreadably."""

    call: OpenCall
    code: str
    description: str
    details: Payload
    quirks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallExpired:
    """No answer to our CALL came in time, or the session ended before one came."""

    call: OpenCall


@dataclass(frozen=True, slots=True)
class Ignored:
    """A frame without consequence: an answer to nothing, or after the end.

    Attributes:
        message_id: The frame's id; empty after the end.
        quirk: The quirk to count, or None.
    """

    message_id: str
    quirk: str | None


@dataclass(frozen=True, slots=True)
class FrameRefused:
    """A text that is no message, or one CALL too many.

    Attributes:
        reply: The CALLERROR to send, or None where none may be sent.
        code: Its code.
        description: What was wrong.
        quirk: The quirk to count.
    """

    reply: bytes | None
    code: str
    description: str
    quirk: str


@dataclass(frozen=True, slots=True)
class TooBig:
    """The text is over the hard limit: close the connection with `close_code`."""

    close_code: int = CLOSE_CODE_TOO_BIG


# Call itself is the event of a request: answer it by ``answer`` or ``refuse``.
Event: TypeAlias = Call | CallAnswered | CallRefused | Ignored | FrameRefused | TooBig


class RpcSession:
    """One connection's RPC state."""

    __slots__ = ("_expired_ids", "_open", "_phase", "_version", "_waiting")

    def __init__(self, version: str) -> None:
        """Begin idle, speaking `version`."""
        self._version = version
        self._phase = Phase.IDLE
        self._open: OpenCall | None = None
        self._waiting: dict[int, Call] = {}
        self._expired_ids: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """The OCPP version spoken."""
        return self._version

    @property
    def phase(self) -> Phase:
        """Where the outgoing side stands; ``send_call`` needs ``Phase.IDLE``."""
        return self._phase

    @property
    def open_call(self) -> OpenCall | None:
        """The CALL of ours that waits for its answer."""
        return self._open

    @property
    def waiting_count(self) -> int:
        """How many CALLs of the station wait for our answer."""
        return len(self._waiting)

    def receive_text(self, text: str | bytes) -> Event:
        """Take one websocket message and tell what it means.

        Never raises, whatever the text. A returned ``Call`` counts as waiting until
        it is given to ``answer`` or ``refuse``.
        """
        if self._phase is Phase.CLOSED:
            return Ignored("", None)
        if is_over(text, HARD_LIMIT_BYTES):
            return TooBig()
        try:
            frame = parse_frame(text, self._version)
        except FrameError as error:
            return self._bad_frame(error)
        if isinstance(frame, Call):
            return self._call_received(frame)
        return self._answer_received(frame)

    def send_call(
        self, message_id: str, action: str, payload: Payload, *, deadline: float
    ) -> bytes:
        """Open a CALL of ours and return the bytes to send (as a text frame).

        Args:
            message_id: At most 36 characters, new on this connection.
            action: One that the CSMS may call.
            payload: Its arguments; None is dropped, Decimals are exact.
            deadline: See ``OpenCall.deadline``.

        Raises:
            UnableToMove: another CALL is open, or the session is closed.
            UnableToEncode: `payload` cannot be written; nothing is open then.
        """
        phase = self._next_phase(Move.SEND)
        data = encode_call(self._version, message_id, action, payload)
        self._phase = phase
        self._open = OpenCall(message_id, action, payload, deadline)
        return data

    def answer(self, call: Call, payload: Payload) -> bytes:
        """Answer a waiting `call`; returns the CALLRESULT to send.

        Raises:
            UnableToMove: `call` does not wait (answered before, or session closed).
            UnableToEncode: `payload` cannot be written; `call` still waits then.
        """
        self._require_waiting(call)
        data = encode_result(self._version, call.wire_id, call.action, payload)
        del self._waiting[id(call)]
        return data

    def refuse(
        self,
        call: Call,
        code: str,
        description: str = "",
        details: Payload | None = None,
    ) -> bytes:
        """Refuse a waiting `call`; returns the CALLERROR to send. See ``answer``."""
        self._require_waiting(call)
        data = encode_error(call.wire_id, code, description, details)
        del self._waiting[id(call)]
        return data

    def expire(self, now: float) -> CallExpired | None:
        """Give the open CALL up when its deadline has passed at `now`."""
        call = self._open
        if call is None or now < call.deadline:
            return None
        self._expired_ids = (*self._expired_ids, call.message_id)[-EXPIRED_IDS_LIMIT:]
        return CallExpired(self._settle(Move.EXPIRE, call))

    def close(self) -> CallExpired | None:
        """End the session; returns the CALL that stays without an answer.

        Nothing can be sent or answered afterwards; a second close changes nothing.
        """
        if self._phase is Phase.CLOSED:
            return None
        call = self._open
        self._phase = self._next_phase(Move.CLOSE)
        self._open = None
        self._waiting.clear()
        return None if call is None else CallExpired(call)

    def _next_phase(self, move: Move) -> Phase:
        phase = TRANSITIONS.get((self._phase, move))
        if phase is None:
            raise UnableToMove(f"no {move.value} while the session is {self._phase}")
        return phase

    def _settle(self, move: Move, call: OpenCall) -> OpenCall:
        self._phase = self._next_phase(move)
        self._open = None
        return call

    def _require_waiting(self, call: Call) -> None:
        # By identity: message ids are not unique, two equal CALLs may wait.
        if self._waiting.get(id(call)) is not call:
            raise UnableToMove(
                f"the {call.action} with id {call.message_id!r} does not wait for an "
                "answer: it was answered before, or the session is closed"
            )

    def _call_received(self, call: Call) -> Event:
        waiting = self._waiting
        if waiting:
            call.quirks = (*call.quirks, quirk.CONCURRENT_CALLS)
        if len(waiting) >= WAITING_CALLS_LIMIT:
            code = code_for(self._version, Fault.INTERNAL)
            text = f"over {WAITING_CALLS_LIMIT} requests wait; send again later"
            reply = encode_error(call.wire_id, code, text)
            return FrameRefused(reply, code, text, quirk.CONCURRENT_CALLS)
        waiting[id(call)] = call
        return call

    def _answer_received(self, frame: CallResult | CallError) -> Event:
        call = self._open
        if call is None or not self._belongs(frame, call):
            late = frame.message_id in self._expired_ids
            name = quirk.LATE_RESPONSE if late else quirk.UNKNOWN_RESPONSE_ID
            return Ignored(frame.message_id, name)
        if isinstance(frame, CallResult):
            self._settle(Move.RESULT, call)
            return CallAnswered(call, frame.payload, frame.quirks)
        self._settle(Move.ERROR, call)
        quirks = frame.quirks
        if frame.message_id != call.message_id:
            quirks = (*quirks, quirk.ERROR_WITHOUT_ID)
        return CallRefused(call, frame.code, frame.description, frame.details, quirks)

    @staticmethod
    def _belongs(frame: CallResult | CallError, call: OpenCall) -> bool:
        if frame.message_id == call.message_id:
            return True
        # 2.0.1 part 4, 4.2.3: a CALL whose id could not be read is refused by "-1".
        return isinstance(frame, CallError) and frame.message_id == UNREADABLE_ID

    def _bad_frame(self, error: FrameError) -> Event:
        call = self._open
        if not error.answerable:
            if call is not None and call.message_id == error.message_id:
                self._settle(Move.ERROR, call)
                return CallRefused(
                    call, error.code, error.description, {}, (quirk.UNREADABLE_FRAME,)
                )
            return FrameRefused(
                None, error.code, error.description, quirk.UNREADABLE_FRAME
            )
        reply = encode_error(error.message_id, error.code, error.description)
        return FrameRefused(
            reply, error.code, error.description, quirk.UNREADABLE_FRAME
        )
