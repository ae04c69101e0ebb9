"""What the gateway asks of the services: all calls are set-wise.

Every method runs in the writer thread inside the database transaction of a batch. The
real doors stand in ``service_doors``; tests bring their own.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from charge_points.gateway.client_certificates import Trust
from charge_points.gateway.handshake import StationRecord
from charge_points.handlers.registry import SentCommand
from charge_points.services.facts import MessageRow
from charge_points.services.revocation_lists import ListFacts
from charge_points.services.security_kinds import HANDSHAKE_REFUSED

# One CALL and its answer as they stood on the wire, not yet masked; ``incoming`` when
# the charge point called. The services' own row: no copy for every message.
LogEntry = MessageRow


@dataclass(frozen=True, slots=True)
class Opening:
    """A connection that was accepted, by this profile.

    ``raises_profile``: it is the one that the charge point was to be raised to.
    ``uses_new_password``: not the one that is being replaced.
    """

    charge_point_id: int
    operator_id: int
    identity: str
    version: str
    node: str
    remote: str
    connection_id: str
    security_profile: int
    at: datetime
    raises_profile: bool = False
    uses_new_password: bool = False


@dataclass(frozen=True, slots=True)
class Closing:
    """A connection that ended; ``generation`` tells whether it was the newest."""

    charge_point_id: int
    operator_id: int
    generation: int
    seen_at: datetime
    cause: str
    at: datetime


@dataclass(frozen=True, slots=True)
class QuirkNote:
    """A tolerated deviation of a charge point, with a text that showed it."""

    charge_point_id: int
    operator_id: int
    version: str
    quirk: str
    example: str
    at: datetime
    count: int = 1


@dataclass(frozen=True, slots=True)
class Breach:
    """A refused handshake of a known charge point; ``kind`` of the security event."""

    charge_point_id: int
    operator_id: int
    identity: str
    reason: str
    remote: str
    at: datetime
    kind: str = HANDSHAKE_REFUSED


@dataclass(frozen=True, slots=True)
class QueuedCommand:
    """A command row that may be sent now; ``intent`` None means ``action`` is raw."""

    command_id: int
    charge_point_id: int
    operator_id: int
    intent: str | None
    action: str
    payload: dict[str, Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CommandEnd:
    """How a command ended.

    ``result`` is the charger's payload, or None with ``error_code`` and
    ``error_text``. ``accepted`` and ``status`` are the interpretation of the version.
    ``repeatable``: it may be sent again when its connection was lost.
    """

    command: SentCommand
    accepted: bool
    status: str
    detail: str
    result: dict[str, Any] | None
    error_code: str
    error_text: str
    at: datetime
    repeatable: bool = False


class Doors(Protocol):
    """The services as the gateway needs them."""

    def find_stations(self, identities: Sequence[str]) -> Mapping[str, StationRecord]:
        """The known charge points among ``identities``."""

    def onboard(
        self, operator_code: str, identity: str, at: datetime
    ) -> StationRecord | None:
        """Make a pending charge point; None when there is no such operator."""

    def open_connections(self, openings: Sequence[Opening]) -> list[int]:
        """Record the connections; returns the new generation of each, in order."""

    def close_connections(self, closings: Sequence[Closing]) -> None:
        """Record ends; an end of an older generation changes nothing."""

    def generations(self, charge_point_ids: Sequence[int]) -> Mapping[int, int]:
        """The newest generation of each charge point."""

    def fence(self, charge_point_ids: Sequence[int]) -> Mapping[int, int]:
        """As ``generations``; no newer one begins before the transaction ends."""

    def write_log(self, entries: Sequence[LogEntry]) -> None:
        """Append to the message log, masked."""

    def count_quirks(self, notes: Sequence[QuirkNote]) -> None:
        """Count deviations per charge point."""

    def trust(self) -> Trust:
        """The built-in CA and what it took back; lists of other client CAs."""

    def report_lists(self, lists: Sequence[ListFacts]) -> None:
        """Keep how old the revocation lists in this process's files are."""

    def report_breaches(self, breaches: Sequence[Breach]) -> None:
        """Record refused handshakes as security events."""

    def take_commands(
        self,
        charge_point_ids: Sequence[int],
        node: str,
        at: datetime,
        only: Collection[str] | None = None,
    ) -> Iterable[QueuedCommand]:
        """At most one command per charge point, now marked as sent.

        ``only``: raw commands of these actions and no others.
        """

    def record_translations(
        self, sent: Sequence[SentCommand], node: str, at: datetime
    ) -> None:
        """Keep what an intent became on the wire."""

    def end_commands(self, ends: Sequence[CommandEnd]) -> Collection[int]:
        """Record how commands ended; returns those that were queued again."""

    def recover_commands(
        self, charge_point_ids: Sequence[int], repeatable: frozenset[str], at: datetime
    ) -> None:
        """After a reconnect: settle commands that a former connection left as sent.

        Actions in ``repeatable`` are queued again, the others have failed.
        """
