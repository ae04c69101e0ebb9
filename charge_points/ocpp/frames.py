"""OCPP-J frames: text to message and message to text (1.6J chapter 4; 2.0.1 part 4).

Parsing takes what is unmistakable and marks it as a quirk (null payload, long or
numeric message ids); everything else that is no OCPP-J message is a ``FrameError``
with the code of the version. Broken JSON gets no guess beyond the message id, where
the text begins with one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson

from charge_points.ocpp import quirk_names as quirk
from charge_points.ocpp.encoding import DEPTH_LIMIT, UnableToEncode, arrange, dump
from charge_points.ocpp.errors import Fault, code_for
from charge_points.ocpp.json_types import Json, Payload
from charge_points.ocpp.schemas import FieldOrder, call_schema, result_schema
from charge_points.ocpp.wire_text import (
    has_nul,
    is_deep,
    is_over,
    may_be_deep,
    without_nul,
)

# A longer frame is refused by a CALLERROR and the connection stays up.
SOFT_LIMIT_BYTES: Final = 64 * 1024
# A longer one closes the connection with 1009, before it is read to its end.
HARD_LIMIT_BYTES: Final = 1024 * 1024
CLOSE_CODE_TOO_BIG: Final = 1009

MESSAGE_ID_LIMIT_CHARS: Final = 36
MESSAGE_ID_TOLERATED_CHARS: Final = 255
DESCRIPTION_LIMIT_CHARS: Final = 255

# 2.0.1 part 4, 4.2.3: the id of a CALLERROR to a frame whose own id cannot be read.
UNREADABLE_ID: Final = "-1"

_CALL: Final = 2
_CALL_RESULT: Final = 3
_CALL_ERROR: Final = 4

# The head of a frame that is too long or is not JSON as a whole.
_HEAD: Final = re.compile(r'\s*\[\s*(\d{1,2})\s*,\s*"([^"\\\x00-\x1f]{1,255})"\s*,')
_HEAD_LIMIT_CHARS: Final = 400


@dataclass(slots=True)
class Call:
    """A request.

    Attributes:
        message_id: As text; not unique in the field, so never a key.
        action: The action's name, known or not.
        payload: The arguments; not yet validated.
        wire_id: The message id as sent: what the answer repeats.
        quirks: Names of quirks seen in the frame.
    """

    message_id: str
    action: str
    payload: Payload
    wire_id: str | int
    quirks: tuple[str, ...] = ()


@dataclass(slots=True)
class CallResult:
    """A positive answer to a request of ours; its payload is not yet validated."""

    message_id: str
    payload: Payload
    quirks: tuple[str, ...] = ()


@dataclass(slots=True)
class CallError:
    """A negative answer to a request of ours."""

    message_id: str
    code: str
    description: str
    details: Payload
    quirks: tuple[str, ...] = ()


Frame: TypeAlias = Call | CallResult | CallError


class FrameError(Exception):
    """A text that is no OCPP-J message.

    Attributes:
        code: The CALLERROR code in the version's spelling.
        message_id: The frame's id, or ``"-1"`` where none can be read.
        description: What is wrong.
        answerable: Whether a CALLERROR may be sent; an answer is never answered.
    """

    def __init__(
        self, code: str, message_id: str, description: str, *, answerable: bool = True
    ) -> None:
        """Keep what the CALLERROR needs."""
        super().__init__(f"{code}: {description}")
        self.code = code
        self.message_id = message_id
        self.description = description
        self.answerable = answerable


def parse_frame(text: str | bytes, version: str) -> Frame:
    """Parse one websocket message.

    Args:
        text: What arrived, at most ``HARD_LIMIT_BYTES`` (the transport's limit).
        version: Whose CALLERROR codes to use.

    Raises:
        FrameError: `text` is no OCPP-J message, or is over ``SOFT_LIMIT_BYTES``.
    """
    if is_over(text, SOFT_LIMIT_BYTES):
        raise _headless(version, text, f"over the limit of {SOFT_LIMIT_BYTES} bytes")
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _headless(version, text, f"not JSON: {error.msg}") from None
    if type(frame) is not list:
        raise _bad_frame(version, UNREADABLE_ID, "not a JSON array")
    if may_be_deep(text) and is_deep(frame):
        raise _headless(version, text, f"nested deeper than {DEPTH_LIMIT} levels")
    quirks: tuple[str, ...] = ()
    if has_nul(text):
        cleaned = without_nul(frame)
        quirks = (quirk.NUL_CHARACTER,) if cleaned != frame else ()
        frame = cleaned
    reader = _READERS.get(frame[0]) if frame and type(frame[0]) is int else None
    if reader is None:
        raise _unknown_type(version, frame)
    return reader(version, frame, quirks)


def encode_call(version: str, message_id: str, action: str, payload: Payload) -> bytes:
    """Write a CALL as compact UTF-8 JSON.

    None is dropped, Decimals are exact, datetimes become ``…Z``, and the fields stand
    in the order of the schema.

    Raises:
        UnableToEncode: a value is no JSON, or the frame is over ``HARD_LIMIT_BYTES``.
    """
    body = arrange(payload, _order(version, action, is_result=False))
    return _within_limit(dump([_CALL, message_id, action, body]))


def encode_result(
    version: str, message_id: str | int, action: str, payload: Payload
) -> bytes:
    """Write a CALLRESULT; `action` is the one that is answered. See ``encode_call``.

    Args:
        version: Whose schema gives the order of the fields.
        message_id: ``Call.wire_id``.
        action: The action that is answered.
        payload: The answer.

    Raises:
        UnableToEncode: as ``encode_call``.
    """
    if not payload:
        return dump([_CALL_RESULT, message_id, payload])
    body = arrange(payload, _order(version, action, is_result=True))
    return _within_limit(dump([_CALL_RESULT, message_id, body]))


def encode_error(
    message_id: str | int,
    code: str,
    description: str = "",
    details: Payload | None = None,
) -> bytes:
    """Write a CALLERROR; the description is cut to 255 characters (2.0.1 part 4).

    Raises:
        UnableToEncode: `details` holds what is no JSON.
    """
    text = description[:DESCRIPTION_LIMIT_CHARS]
    body = arrange(details) if details else {}
    return _within_limit(dump([_CALL_ERROR, message_id, code, text, body]))


def _order(version: str, action: str, *, is_result: bool) -> FieldOrder:
    try:
        schema = (result_schema if is_result else call_schema)(version, action)
    except KeyError:
        raise UnableToEncode(f"OCPP {version} has no action {action!r}") from None
    return schema.field_order


def _within_limit(frame: bytes) -> bytes:
    if len(frame) > HARD_LIMIT_BYTES:
        raise UnableToEncode(f"the frame is over {HARD_LIMIT_BYTES} bytes")
    return frame


def _call(version: str, frame: list[Json], quirks: tuple[str, ...]) -> Call:
    message_id, quirks = _message_id(version, frame, quirks)
    if len(frame) != 4:
        raise _bad_frame(version, message_id, "a CALL has four elements")
    _, wire_id, action, payload = frame
    if type(action) is not str:
        raise _bad_frame(version, message_id, "the action is not a text")
    if payload is None:
        payload, quirks = {}, (*quirks, quirk.NULL_PAYLOAD)
    if type(payload) is not dict:
        raise FrameError(
            code_for(version, Fault.MALFORMED), message_id, "the payload is no object"
        )
    return Call(message_id, action, payload, wire_id, quirks)


def _call_result(
    version: str, frame: list[Json], quirks: tuple[str, ...]
) -> CallResult:
    message_id, quirks = _message_id(version, frame, quirks, answerable=False)
    if len(frame) != 3:
        raise _bad_frame(
            version, message_id, "a CALLRESULT has three elements", answerable=False
        )
    payload = frame[2]
    if payload is None:
        payload, quirks = {}, (*quirks, quirk.NULL_PAYLOAD)
    if type(payload) is not dict:
        raise _bad_frame(
            version, message_id, "the payload is no object", answerable=False
        )
    return CallResult(message_id, payload, quirks)


def _call_error(version: str, frame: list[Json], quirks: tuple[str, ...]) -> CallError:
    """Read a refusal; what is missing from it makes it no less a refusal."""
    message_id, quirks = _message_id(version, frame, quirks, answerable=False)
    code, description, details = [*frame[2:5], None, None, None][:3]
    if not (type(code) is type(description) is str and type(details) is dict):
        quirks = (*quirks, quirk.SHORT_CALL_ERROR)
    return CallError(
        message_id,
        code if type(code) is str else code_for(version, Fault.GENERIC),
        description if type(description) is str else "",
        details if type(details) is dict else {},
        quirks,
    )


def _message_id(
    version: str,
    frame: list[Json],
    quirks: tuple[str, ...],
    *,
    answerable: bool = True,
) -> tuple[str, tuple[str, ...]]:
    wire_id = frame[1] if len(frame) > 1 else None
    if type(wire_id) is str:
        if len(wire_id) <= MESSAGE_ID_LIMIT_CHARS:
            return wire_id, quirks
        if len(wire_id) <= MESSAGE_ID_TOLERATED_CHARS:
            return wire_id, (*quirks, quirk.LONG_MESSAGE_ID)
    elif type(wire_id) is int:
        return str(wire_id), (*quirks, quirk.NUMERIC_MESSAGE_ID)
    raise _bad_frame(
        version,
        UNREADABLE_ID,
        f"the message id is no text of at most {MESSAGE_ID_LIMIT_CHARS} characters",
        answerable=answerable,
    )


def _bad_frame(
    version: str, message_id: str, description: str, *, answerable: bool = True
) -> FrameError:
    return FrameError(
        code_for(version, Fault.FRAME), message_id, description, answerable=answerable
    )


def _unknown_type(version: str, frame: list[Json]) -> FrameError:
    """Refuse a message type that neither version has (1.6J and 2.0.1, 4.1.3)."""
    if not frame or type(frame[0]) is not int:
        return _bad_frame(version, UNREADABLE_ID, "the message type is not a number")
    message_id = UNREADABLE_ID
    if len(frame) > 1 and type(frame[1]) is str:
        message_id = frame[1][:MESSAGE_ID_TOLERATED_CHARS]
    code = code_for(version, Fault.MESSAGE_TYPE)
    return FrameError(code, message_id, f"message type {frame[0]} is not supported")


def _headless(version: str, text: str | bytes, description: str) -> FrameError:
    """Refuse a text as a whole; its id is read only from an unmistakable beginning."""
    head = text[:_HEAD_LIMIT_CHARS]
    if isinstance(head, bytes):
        head = head.decode("utf-8", "replace")
    match = _HEAD.match(head)
    if match is None:
        return _bad_frame(version, UNREADABLE_ID, description)
    is_answer = int(match[1]) in {_CALL_RESULT, _CALL_ERROR}
    return _bad_frame(version, match[2], description, answerable=not is_answer)


_READERS: Final[dict[int, Callable[[str, list[Json], tuple[str, ...]], Frame]]] = {
    _CALL: _call,
    _CALL_RESULT: _call_result,
    _CALL_ERROR: _call_error,
}
