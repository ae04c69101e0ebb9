"""A request on its way through the writer: fence, execution, answer, log."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from charge_points.gateway import metrics
from charge_points.gateway.doors import Doors, LogEntry
from charge_points.gateway.jobs import Job, Kind, UnableToServe
from charge_points.gateway.journal import Journal
from charge_points.handlers.dispatch import execute, refusal_for
from charge_points.handlers.registry import (
    Answer,
    Later,
    Peer,
    Refusal,
    Request,
    Route,
    VersionTables,
)
from charge_points.ocpp.encoding import UnableToEncode
from charge_points.ocpp.errors import Fault, code_for
from charge_points.ocpp.frames import Call, encode_error, encode_result

REQUEST_RANK: Final = 10


@dataclass(slots=True, eq=False)
class Exchange:
    """A CALL and its answer.

    ``is_stale``: the connection was replaced by a newer one, nothing was written.
    ``later``: the answer is still to be fetched; it is logged when it is there.
    """

    call: Call
    request: Request
    answer: Answer | None = None
    answer_text: str = ""
    later: Later | None = None
    is_stale: bool = False


Clock = Callable[[], datetime]


def request_kinds(tables: VersionTables) -> dict[str, Kind]:
    """One kind per database route of a version, by action."""
    routes = tables.routes.values()
    return {route.action: _kind(route) for route in routes if route.mode != "loop"}


def _kind(route: Route) -> Kind:
    return Kind(
        name=f"{route.version} {route.action}",
        execute=partial(_answer_all, route),
        failed=_fail,
        rank=REQUEST_RANK,
        sort_key=_charge_point_id,
    )


def _charge_point_id(exchange: Exchange) -> int:
    return exchange.request.peer.charge_point_id


def _answer_all(route: Route, exchanges: Sequence[Exchange]) -> list[Exchange]:
    answers = execute(route, [exchange.request for exchange in exchanges])
    for exchange, answer in zip(exchanges, answers, strict=True):
        set_answer(exchange, answer)
    return list(exchanges)


def _fail(exchange: Exchange, error: Exception) -> Exchange:
    version = exchange.request.peer.version
    if isinstance(error, UnableToServe):
        code = code_for(version, Fault.INTERNAL)
        set_answer(exchange, Refusal(code, "Out of service; send again later."))
    else:
        set_answer(exchange, refusal_for(exchange.request, error))
    return exchange


def set_answer(exchange: Exchange, answer: Answer | Later) -> None:
    """Keep the answer, and its text for the log: what cannot be written is a fault."""
    call, version = exchange.call, exchange.request.peer.version
    exchange.later = answer if isinstance(answer, Later) else None
    if isinstance(answer, Later):
        return
    try:
        if isinstance(answer, Refusal):
            text = encode_error(
                call.wire_id, answer.code, answer.description, dict(answer.details)
            )
        else:
            text = encode_result(version, call.wire_id, call.action, answer)
    except UnableToEncode as error:
        answer = refusal_for(exchange.request, error)
        text = encode_error(call.wire_id, answer.code, answer.description)
    exchange.answer = answer
    exchange.answer_text = text.decode()


class ExchangeFrame:
    """The fence before, the message log after the requests of a batch."""

    def __init__(
        self,
        doors: Doors,
        journal: Journal,
        clock: Clock,
    ) -> None:
        """Work for one writer."""
        self._doors = doors
        self._journal = journal
        self._clock = clock

    def begin(self, jobs: Sequence[Job]) -> list[Job]:
        """Refuse what connections of an older generation still want to write."""
        exchanges = [job for job in jobs if isinstance(job.item, Exchange)]
        if not exchanges:
            return list(jobs)
        ids = sorted({_charge_point_id(job.item) for job in exchanges})
        newest = self._doors.fence(ids)
        allowed = []
        for job in jobs:
            item = job.item
            if isinstance(item, Exchange):
                peer = item.request.peer
                # A charge point that was deleted has no generation at all.
                item.is_stale = newest.get(peer.charge_point_id) != peer.generation
                if item.is_stale:
                    job.result = item
                    continue
            allowed.append(job)
        return allowed

    def finish(self, jobs: Sequence[Job]) -> None:
        """Write the message log and all notes that wait."""
        exchanges = [job.item for job in jobs if isinstance(job.item, Exchange)]
        now = self._clock()
        self._journal.write(
            [
                log_entry(exchange, now)
                for exchange in exchanges
                if not exchange.is_stale and exchange.later is None
            ]
        )

    def committed(self, jobs: Sequence[Job]) -> None:
        """Count what was answered."""
        self._journal.written()
        counts: Counter[tuple[str, str]] = Counter()
        for job in jobs:
            item = job.item
            if isinstance(item, Exchange) and not item.is_stale:
                counts[item.request.peer.version, item.request.action] += 1
                if isinstance(item.answer, Refusal):
                    metrics.refusals(item.request.peer.version, item.answer.code).inc()
        for (version, action), count in counts.items():
            metrics.messages(version, action).inc(count)


def refused_entry(
    peer: Peer, call: Call, data: bytes, answer: Refusal, at: datetime
) -> LogEntry:
    """The row of a CALL that was refused before it reached a handler."""
    return LogEntry(
        charge_point_id=peer.charge_point_id,
        operator_id=peer.operator_id,
        version=peer.version,
        action=call.action,
        message_id=call.message_id,
        incoming=True,
        text=data.decode("utf-8", "replace"),
        answer_text=f"{answer.code}: {answer.description}",
        at=at,
        answered_at=at,
    )


def log_entry(exchange: Exchange, answered_at: datetime) -> LogEntry:
    """The row of the message log for one exchange."""
    request = exchange.request
    return LogEntry(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        version=request.peer.version,
        action=request.action,
        message_id=request.message_id,
        incoming=True,
        text=request.raw_text,
        answer_text=exchange.answer_text,
        at=request.received_at,
        answered_at=answered_at,
    )
