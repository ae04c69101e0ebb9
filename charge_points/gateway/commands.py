"""What goes out: commands from their rows to the charge points, one at a time each.

The row is the truth, Redis only the wake-up. A row is marked as sent (and committed)
before its CALL leaves, so that no command is ever sent by two processes.
"""

import asyncio
import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import orjson

from charge_points.gateway import metrics
from charge_points.gateway.connection import CallEnd, Station
from charge_points.gateway.directory import Directory
from charge_points.gateway.doors import CommandEnd, Doors, LogEntry, QueuedCommand
from charge_points.gateway.exchange import Clock
from charge_points.gateway.jobs import Kind
from charge_points.gateway.journal import Journal
from charge_points.gateway.limits import Limits
from charge_points.gateway.registration import may_be_sent
from charge_points.gateway.writer import Writer
from charge_points.handlers.answers import meaning
from charge_points.handlers.dispatch import run_set
from charge_points.handlers.registry import (
    REGISTRATION_ACCEPTED,
    Outcome,
    Payload,
    Peer,
    SentCommand,
    VersionTables,
)
from charge_points.ocpp.encoding import UnableToEncode
from charge_points.ocpp.rpc import CallAnswered, CallExpired, UnableToMove
from cpms.kernel.errors import DomainError

logger = logging.getLogger(__name__)

TIMEOUT: Final = "Timeout"
CONNECTION_LOST: Final = "ConnectionLost"
# The CALL never left: the row goes back to the queue.
NOT_SENT: Final = "NotSent"
UNABLE_TO_ENCODE: Final = "UnableToEncode"
UNWORDABLE: Final = "UnableToWord"
TAKE_RANK: Final = 20
END_RANK: Final = 15


@dataclass(slots=True, eq=False)
class Taking:
    """Charge points that may be sent a command now, and what was found for them."""

    peers: Mapping[int, Peer]
    sent: list[SentCommand] = field(default_factory=list)


class CommandWork:
    """The writer's side: rows in, rows out."""

    def __init__(
        self,
        doors: Doors,
        tables: Mapping[str, VersionTables],
        *,
        node: str,
        clock: Clock,
    ) -> None:
        """Work for one process."""
        self._doors = doors
        self._tables = tables
        self._node = node
        self._clock = clock
        self.take = Kind("take commands", self._take_all, _take_failed, TAKE_RANK)
        self.end = Kind("end commands", self._end_all, _end_failed, END_RANK)

    def interpret(self, command: SentCommand, payload: Payload) -> Outcome:
        """What the charger's answer means; a broken answer is a refusal."""
        try:
            tables = self._tables[command.version]
            return tables.interpret(command.action, command.payload, payload)
        except Exception as error:
            logger.exception("the answer to %s is not understood", command.action)
            detail = f"the answer is not understood: {error}"
            return Outcome(accepted=False, status="Unreadable", detail=detail)

    def _take_all(self, takings: Sequence[Taking]) -> list[Taking]:
        return run_set(self._take, takings, _take_failed)

    def _take(self, takings: Sequence[Taking]) -> list[Taking]:
        peers = {key: peer for taking in takings for key, peer in taking.peers.items()}
        now = self._clock()
        queued = self._queued(peers, now)
        sent = {}
        failed = []
        for command in queued:
            try:
                sent[command.charge_point_id] = self._word(
                    command, peers[command.charge_point_id]
                )
            except DomainError as error:
                failed.append(
                    self._unspeakable(command, peers, error.code, error.message)
                )
            except Exception as error:
                # It must not keep the station's next commands waiting.
                logger.exception("command %d has no words", command.command_id)
                text = f"Its arguments make no message: {error!r}"
                failed.append(self._unspeakable(command, peers, UNWORDABLE, text))
        if sent:
            self._doors.record_translations(list(sent.values()), self._node, now)
        if failed:
            self._doors.end_commands(failed)
        for taking in takings:
            taking.sent = [sent.pop(key) for key in taking.peers if key in sent]
        return list(takings)

    def _queued(self, peers: Mapping[int, Peer], now: datetime) -> list[QueuedCommand]:
        """Their next commands; those that a pending station may not get wait."""
        groups: dict[str, list[int]] = {}
        for key, peer in peers.items():
            accepted = peer.registration == REGISTRATION_ACCEPTED
            groups.setdefault("" if accepted else peer.version, []).append(key)
        found: list[QueuedCommand] = []
        for version, keys in groups.items():
            only = may_be_sent(self._tables[version]) if version else None
            found += self._doors.take_commands(sorted(keys), self._node, now, only)
        return found

    def _word(self, command: QueuedCommand, peer: Peer) -> SentCommand:
        """Put an intent into the words of the connected version."""
        action, payload = command.action, command.payload
        if command.intent is not None:
            tables = self._tables[peer.version]
            action, payload = tables.translate(command.intent, command.arguments)
        return SentCommand(
            command_id=command.command_id,
            charge_point_id=command.charge_point_id,
            operator_id=command.operator_id,
            identity=peer.identity,
            version=peer.version,
            intent=command.intent,
            arguments=command.arguments,
            action=action,
            payload=payload,
        )

    def _unspeakable(
        self,
        command: QueuedCommand,
        peers: Mapping[int, Peer],
        code: str,
        text: str,
    ) -> CommandEnd:
        peer = peers[command.charge_point_id]
        sent = SentCommand(
            command_id=command.command_id,
            charge_point_id=command.charge_point_id,
            operator_id=command.operator_id,
            identity=peer.identity,
            version=peer.version,
            intent=command.intent,
            arguments=command.arguments,
            action=command.action,
            payload={},
        )
        return end_of(sent, code, text, self._clock())

    def _end_all(self, ends: Sequence[CommandEnd]) -> list[None]:
        return run_set(self._end, ends, _end_failed)

    def _end(self, ends: Sequence[CommandEnd]) -> list[None]:
        again = self._doors.end_commands([self._judged(end) for end in ends])
        for end in ends:
            if end.command.command_id not in again:
                run_set(self._tell_handler, [end], _handler_failed)
        return [None] * len(ends)

    def _judged(self, end: CommandEnd) -> CommandEnd:
        """With whether the action does no harm when it is done twice."""
        outgoing = self._tables[end.command.version].outgoing.get(end.command.action)
        repeatable = outgoing is not None and outgoing.repeatable
        return replace(end, repeatable=repeatable)

    def _tell_handler(self, ends: Sequence[CommandEnd]) -> list[None]:
        for end in ends:
            command = end.command
            outgoing = self._tables[command.version].outgoing.get(command.action)
            if outgoing is None:
                continue
            if end.result is not None and outgoing.on_result is not None:
                outgoing.on_result(command, end.result, end.at)
            if end.result is None and outgoing.on_error is not None:
                outgoing.on_error(command, end.error_code, end.error_text, end.at)
        return [None] * len(ends)


def end_of(command: SentCommand, code: str, text: str, at: datetime) -> CommandEnd:
    """The end of a command that has no answer; ``text`` may be empty."""
    told = text or meaning(command.action, code)
    return CommandEnd(
        command=command,
        accepted=False,
        status=code,
        detail=told,
        result=None,
        error_code=code,
        error_text=told,
        at=at,
    )


def _take_failed(taking: Taking, error: Exception) -> Taking:
    logger.error("commands could not be taken: %s", error)
    taking.sent = []
    return taking


def _end_failed(end: CommandEnd, error: Exception) -> None:
    # The row stays "sent"; the sweep of sent commands settles it.
    logger.error(
        "the end of command %d was not recorded",
        end.command.command_id,
        exc_info=error,
    )


def _handler_failed(end: CommandEnd, error: Exception) -> None:
    logger.error("the result of %s failed", end.command.action, exc_info=error)


class CommandDesk:
    """The loop's side: wake-ups, CALLs and their ends."""

    def __init__(
        self,
        work: CommandWork,
        directory: Directory,
        writer: Writer,
        journal: Journal,
        *,
        limits: Limits,
        clock: Clock,
    ) -> None:
        """Wake up for nobody yet."""
        self._work = work
        self._directory = directory
        self._writer = writer
        self._journal = journal
        self._limits = limits
        self._clock = clock
        self._wanted: set[int] = set()
        self._poll = False
        self._wake = asyncio.Event()
        self.is_stopped = False

    def wake(self, charge_point_ids: Iterable[int]) -> None:
        """Look for commands of these charge points, if they are connected here."""
        before = len(self._wanted)
        for key in charge_point_ids:
            if self._directory.get(key) is not None:
                self._wanted.add(key)
        if len(self._wanted) > before:
            self._wake.set()

    def wake_all(self) -> None:
        """Look for commands of everybody connected."""
        self._poll = True
        self._wake.set()

    def on_message(self, payload: str) -> None:
        """A wake-up from the bus: ids with commas."""
        self.wake(int(part) for part in payload.split(",") if part.strip().isdigit())

    async def run(self) -> None:
        """Take and send for ever; the poll is the fall-back of a lost wake-up."""
        while True:
            try:
                async with asyncio.timeout(self._limits.command_poll_s):
                    await self._wake.wait()
            except TimeoutError:
                self._poll = True
            self._wake.clear()
            await self._take_and_send()

    async def _take_and_send(self) -> None:
        wanted, self._wanted = self._wanted, set()
        poll, self._poll = self._poll, False
        if self.is_stopped:
            return
        ids = self._directory.ids() if poll else wanted
        stations = (self._directory.get(key) for key in ids)
        peers = {
            station.peer.charge_point_id: station.peer
            for station in stations
            if station is not None and station.is_ready_for_call
        }
        if not peers:
            return
        taking: Taking = await self._writer.call(self._work.take, Taking(peers))
        for command in taking.sent:
            self._send(command, peers[command.charge_point_id].generation)

    def _send(self, command: SentCommand, generation: int) -> None:
        station = self._directory.get(command.charge_point_id)
        if station is None or station.peer.generation != generation:
            self._end(end_of(command, NOT_SENT, "the connection went", self._clock()))
            return
        message_id = uuid.uuid4().hex
        sent_at = self._clock()
        entry = _Sent(command, station, message_id, sent_at)
        try:
            entry.text = station.send_call(
                message_id,
                command.action,
                command.payload,
                lambda e: self._done(entry, e),
            )
        except UnableToMove:
            self._end(end_of(command, NOT_SENT, "the connection is busy", sent_at))
        except UnableToEncode as error:
            self._end(end_of(command, UNABLE_TO_ENCODE, str(error), sent_at))

    def _done(self, sent: "_Sent", end: CallEnd) -> None:
        now = self._clock()
        command = sent.command
        if isinstance(end, CallAnswered):
            outcome = self._work.interpret(command, end.payload)
            result = CommandEnd(
                command=command,
                accepted=outcome.accepted,
                status=outcome.status,
                detail=outcome.detail,
                result=end.payload,
                error_code="",
                error_text="",
                at=now,
            )
            answer = end.payload
        elif isinstance(end, CallExpired):
            lost = not sent.station.is_open
            code = CONNECTION_LOST if lost else TIMEOUT
            result = end_of(command, code, "", now)
            answer = {}
        else:
            result = end_of(command, end.code, end.description, now)
            answer = {"code": end.code, "description": end.description}
        metrics.COMMANDS.labels(_outcome_label(result)).inc()
        self._log(sent, answer, now)
        self._end(result)
        self.wake([command.charge_point_id])

    def _end(self, end: CommandEnd) -> None:
        self._writer.submit(self._work.end, end, _nothing)

    def _log(self, sent: "_Sent", answer: Payload, now: datetime) -> None:
        entry = LogEntry(
            charge_point_id=sent.command.charge_point_id,
            operator_id=sent.command.operator_id,
            version=sent.command.version,
            action=sent.command.action,
            message_id=sent.message_id,
            incoming=False,
            text=sent.text.decode(),
            answer_text=orjson.dumps(answer).decode() if answer else "",
            at=sent.at,
            answered_at=now,
        )
        self._journal.add_entry(entry)


@dataclass(slots=True, eq=False)
class _Sent:
    command: SentCommand
    station: Station
    message_id: str
    at: datetime
    text: bytes = b""


def _outcome_label(end: CommandEnd) -> str:
    """One of few words: what chargers write must not become a metric's label."""
    if end.result is not None:
        return "accepted" if end.accepted else "rejected"
    return end.error_code if end.error_code in {TIMEOUT, CONNECTION_LOST} else "error"


def _nothing(_result: object) -> None:
    """Nobody waits for the end of a command's row."""
