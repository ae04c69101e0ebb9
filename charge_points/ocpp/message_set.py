"""The shape of a message set: which messages a version has, and who may send them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Direction(StrEnum):
    """Who sends the CALL, seen from the CSMS."""

    IN = "in"
    OUT = "out"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the specification.

    Attributes:
        action: The action's name on the wire.
        direction: Who may send the CALL.
        group: The feature profile (1.6) or the functional block's letter (2.0.1).
        call_schema: Name of the JSON schema of the request, without ``.json``.
        result_schema: Name of the JSON schema of the response.
    """

    action: str
    direction: Direction
    group: str
    call_schema: str
    result_schema: str


@dataclass(frozen=True, slots=True)
class MessageSet:
    """All messages of one version.

    Attributes:
        version: ``"1.6"`` or ``"2.0.1"``.
        schema_package: The folder of the `ocpp` package that holds the schemas.
        by_action: The messages, by action.
        incoming: The actions that a charging station may call.
        outgoing: The actions that the CSMS may call.
    """

    version: str
    schema_package: str
    by_action: dict[str, Message]
    incoming: frozenset[str]
    outgoing: frozenset[str]


def message_set(
    version: str, schema_package: str, messages: Iterable[Message]
) -> MessageSet:
    """Index `messages`; the two directions are derived from each message's own."""
    by_action = {message.action: message for message in messages}
    return MessageSet(
        version=version,
        schema_package=schema_package,
        by_action=by_action,
        incoming=frozenset(
            m.action for m in by_action.values() if m.direction is not Direction.OUT
        ),
        outgoing=frozenset(
            m.action for m in by_action.values() if m.direction is not Direction.IN
        ),
    )
