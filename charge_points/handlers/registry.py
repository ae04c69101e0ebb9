"""The types that gateway and handlers share: a route is data, not code.

The gateway knows no action by name. It is given one :class:`VersionTables` per OCPP
version and finds there what to run for a message that came in and how to word an
intent that goes out.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

import orjson

from charge_points.handlers.station_clock import StationClock

REGISTRATION_ACCEPTED: Final = "Accepted"
REGISTRATION_PENDING: Final = "Pending"
REGISTRATION_REJECTED: Final = "Rejected"

Payload = dict[str, Any]
Mode = Literal["set", "one", "loop"]


@dataclass(frozen=True, slots=True)
class Peer:
    """What a connection knows of its charge point, read once at the connect.

    ``generation`` is the fence: the charge point's row carries the generation of the
    newest connection, and a request of an older one is refused. ``clock`` is what its
    messages show of the station's clock.
    """

    charge_point_id: int
    identity: str
    operator_id: int
    version: str
    generation: int
    registration: str
    connection_id: str
    clock: StationClock = field(default_factory=StationClock, compare=False)


@dataclass(slots=True)
class Request:
    """One CALL from a charge point, parsed, validated and not yet answered.

    ``payload`` has the keys of the specification (camelCase). ``quirks`` are the names
    of the tolerances that were needed to read it; a handler may add its own.
    A handler that changes the station's registration (BootNotification) puts the new
    status into ``registration``; the gateway takes it over after the commit.
    """

    peer: Peer
    action: str
    payload: Payload
    message_id: str
    received_at: datetime
    raw_text: str = ""
    quirks: list[str] = field(default_factory=list)
    registration: str | None = None
    _payload_hash: str = ""

    @property
    def payload_hash(self) -> str:
        """SHA-256 of the payload with sorted keys, 64 hexadecimal digits.

        Independent of the message id, which is not unique in the field: a repeated
        report has the same hash.
        """
        if not self._payload_hash:
            text = orjson.dumps(self.payload, option=orjson.OPT_SORT_KEYS, default=str)
            self._payload_hash = hashlib.sha256(text).hexdigest()
        return self._payload_hash


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that leaves as a CALLERROR.

    ``code`` is an error code of the peer's OCPP version ("SecurityError" …);
    ``description`` says what was wrong, at most 255 characters are sent.
    """

    code: str
    description: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that must be fetched over the network (OCSP, contract provider).

    ``work()`` runs in a thread of its own after the handler's commit, without any
    database transaction; when it raises, takes too long, or too many wait,
    ``otherwise`` is the answer. Other CALLs of the station wait, other stations do not.
    """

    work: Callable[[], Payload]
    otherwise: Payload


Answer = Payload | Refusal


SetHandler = Callable[[Sequence[Request]], Sequence[Answer | Later]]
OneHandler = Callable[[Request], Answer | Later]
LoopHandler = Callable[[Request], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """What to do with one action of one version.

    Modes:
        set: ``handler(requests) -> answers`` in the same order and number. One
            savepoint for the whole set; if it raises, each request is run alone as a
            set of one in a savepoint of its own.
        one: ``handler(request) -> answer`` in its own savepoint.
        loop: ``handler(request) -> answer`` on the event loop: no database, no waiting,
            no row of the message log.

    ``block`` is the profile (1.6) or functional block (2.0.1) for the support table.
    ``needs_registration`` False lets the action through before BootNotification was
    accepted.
    """

    version: str
    action: str
    handler: SetHandler | OneHandler | LoopHandler
    mode: Mode
    block: str
    needs_registration: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the charger's answer to a command means.

    ``status`` is the word the charger used ("Accepted", "Rejected", "NotSupported" …),
    ``detail`` anything more that it said.
    """

    accepted: bool
    status: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SentCommand:
    """A command row as the gateway sent it; given to the result handlers.

    ``intent`` is None for a raw command; ``action`` and ``payload`` are what went out.
    """

    command_id: int
    charge_point_id: int
    operator_id: int
    identity: str
    version: str
    intent: str | None
    arguments: Mapping[str, Any]
    action: str
    payload: Payload


ResultHandler = Callable[[SentCommand, Payload, datetime], None]
ErrorHandler = Callable[[SentCommand, str, str, datetime], None]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What to do with the answer to one action that the CSMS sends.

    ``on_result(command, result, at)`` and ``on_error(command, code, description, at)``
    run in the writer thread, in the database transaction that records the answer, in
    a savepoint of their own. ``code`` is the charger's CALLERROR code, or "Timeout" or
    "ConnectionLost" when no answer came.

    ``repeatable``: the CALL may be sent again after a lost connection (at least once);
    otherwise a lost answer leaves the command "unknown" and failed (at most once).
    ``while_pending``: it may be sent to a station whose registration is Pending.
    """

    version: str
    action: str
    block: str
    on_result: ResultHandler | None = None
    on_error: ErrorHandler | None = None
    repeatable: bool = False
    while_pending: bool = False


Translate = Callable[[str, Mapping[str, Any]], tuple[str, Payload]]
Interpret = Callable[[str, Payload, Payload], Outcome]


@dataclass(frozen=True, slots=True)
class VersionTables:
    """All that the gateway needs to speak one version.

    ``translate(intent, arguments)`` words an intent as (action, payload); it raises a
    DomainError when the version cannot say it. ``interpret(action, request_payload,
    response_payload)`` reads the charger's answer.
    """

    version: str
    routes: Mapping[str, Route]
    outgoing: Mapping[str, Outgoing]
    translate: Translate
    interpret: Interpret


def routes_by_action(routes: Iterable[Route]) -> dict[str, Route]:
    """Index a route table.

    Raises:
        ValueError: an action stands in the table twice.
    """
    table: dict[str, Route] = {}
    for route in routes:
        if route.action in table:
            raise ValueError(f"{route.version} {route.action} has two routes")
        table[route.action] = route
    return table
