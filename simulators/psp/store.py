"""Everything the provider knows, and the unit in which it changes.

The event loop runs one handler at a time and a handler never awaits, so the
loop is the lock. Objects are kept as JSON: what a handler reads is its own
copy and nothing can change a stored object but a committed unit.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from simulators.psp import ids
from simulators.psp.books import Books, Entry
from simulators.psp.errors import ApiError, Json
from simulators.psp.journal import Journal
from simulators.psp.limits import (
    API_VERSION,
    EVENTS_PER_ACCOUNT_MAX,
    IDEMPOTENCY_KEYS_MAX,
    IDEMPOTENCY_LIFE_S,
    OBJECTS_MAX,
    PLATFORM,
)

_TRIM = 1000


def compact(thing: Json) -> bytes:
    """Return the object as JSON in memory of just its size.

    The encoder's own buffers are larger than their content; kept by the
    hundred thousand they would triple the memory.
    """
    return bytes(memoryview(orjson.dumps(thing)))


class Shelf:
    """Objects of one kind on one account, in order of creation."""

    __slots__ = ("_base", "_ids", "_places", "data")

    def __init__(self) -> None:
        """Start empty."""
        self.data: dict[str, bytes] = {}
        self._ids: list[str] = []
        self._places: dict[str, int] = {}
        self._base = 0

    def put(self, reference: str, body: bytes) -> None:
        """Store or replace an object."""
        if reference not in self._places:
            self._places[reference] = self._base + len(self._ids)
            self._ids.append(reference)
        self.data[reference] = body

    def trim(self, keep: int) -> None:
        """Forget the oldest objects beyond `keep`, some at a time."""
        if len(self._ids) < keep + _TRIM:
            return
        for reference in self._ids[:_TRIM]:
            self.data.pop(reference, None)
            self._places.pop(reference, None)
        del self._ids[:_TRIM]
        self._base += _TRIM

    def place(self, reference: str) -> int | None:
        """Return the position of an object, None when unknown."""
        return self._places.get(reference)

    def older(self, place: int | None) -> Iterator[bytes]:
        """Yield objects from newest to oldest, those older than `place`."""
        start = len(self._ids) if place is None else place - self._base
        for position in range(start - 1, -1, -1):
            body = self.data.get(self._ids[position])
            if body is not None:
                yield body

    def newer(self, place: int) -> Iterator[bytes]:
        """Yield objects from oldest to newest, those newer than `place`."""
        for position in range(place - self._base + 1, len(self._ids)):
            body = self.data.get(self._ids[position])
            if body is not None:
                yield body


@dataclass(frozen=True, slots=True)
class Remembered:
    """The answer kept under an idempotency key."""

    fingerprint: str
    status: int
    body: bytes
    at: int


class Store:
    """All shelves, the books and the remembered answers."""

    def __init__(self, journal: Journal | None = None) -> None:
        """Start with what the journal holds."""
        self.books = Books()
        self.remembered: dict[str, Remembered] = {}
        self.objects = 0
        self._shelves: dict[tuple[str, str], Shelf] = {}
        self._journal = journal
        if journal is not None:
            for record in journal.replay():
                self._replay(record)
            journal.open()

    def shelf(self, account: str, kind: str) -> Shelf:
        """Return the shelf, made when it is the first use."""
        return self._shelves.setdefault((account, kind), Shelf())

    def find(self, account: str, kind: str, reference: str) -> Json | None:
        """Return a copy of an object, None when it does not exist."""
        shelf = self._shelves.get((account, kind))
        body = shelf.data.get(reference) if shelf else None
        return None if body is None else orjson.loads(body)

    def every(self, kind: str) -> Iterator[tuple[str, Json]]:
        """Yield (account, object) of one kind over all accounts."""
        for account, name in list(self._shelves):
            if name == kind:
                for body in list(self._shelves[account, name].data.values()):
                    yield account, orjson.loads(body)

    def listeners(self, account: str, kind: str) -> list[Json]:
        """Return the enabled webhook endpoints that want such an event."""
        side = "platform" if account == PLATFORM else "connect"
        endpoints = map(
            orjson.loads, self.shelf(PLATFORM, "webhook_endpoint").data.values()
        )
        return [
            endpoint
            for endpoint in endpoints
            if endpoint["status"] == "enabled"
            and side in endpoint["_sides"]
            and not {"*", kind}.isdisjoint(endpoint["enabled_events"])
        ]

    def commit(self, unit: "Unit") -> None:
        """Make a unit's changes true: journal first, then memory."""
        if self._journal is not None and unit.changed:
            self._journal.append(unit.record())
        for (account, kind, reference), body in unit.staged.items():
            self._put(account, kind, reference, body)
        for entry in unit.entries:
            self.books.post(entry)
        if unit.answer is not None:
            self.remember(*unit.answer)

    def remember(self, key: str, answer: Remembered) -> None:
        """Keep an answer under its key; the oldest go when full or stale."""
        self.remembered[key] = answer
        if len(self.remembered) > IDEMPOTENCY_KEYS_MAX:
            del self.remembered[next(iter(self.remembered))]
        for old in list(itertools.islice(self.remembered, 2)):
            if answer.at - self.remembered[old].at > IDEMPOTENCY_LIFE_S:
                del self.remembered[old]

    def close(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            self._journal.close()

    def _put(self, account: str, kind: str, reference: str, body: bytes | None) -> None:
        shelf = self.shelf(account, kind)
        if body is None:
            self.objects -= shelf.data.pop(reference, None) is not None
            return
        before = len(shelf.data)
        shelf.put(reference, body)
        if kind == "event":
            shelf.trim(EVENTS_PER_ACCOUNT_MAX)
        self.objects += len(shelf.data) - before

    def _replay(self, record: Json) -> None:
        for account, kind, reference, body in record["objects"]:
            data = None if body is None else compact(body)
            self._put(account, kind, reference, data)
        for entry in record["entries"]:
            self.books.post(Entry.from_json(entry))
        if answer := record.get("answer"):
            key, fingerprint, status, body, at = answer
            self.remember(key, Remembered(fingerprint, status, body.encode(), at))


@dataclass(slots=True)
class Unit:
    """The changes of one request; they happen all together or not at all."""

    store: Store
    now: int
    staged: dict[tuple[str, str, str], bytes | None] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    emitted: list[tuple[str, str]] = field(default_factory=list)
    answer: tuple[str, Remembered] | None = None
    request_id: str | None = None
    idempotency_key: str | None = None

    @property
    def changed(self) -> bool:
        """Tell whether there is anything to write."""
        return bool(self.staged or self.entries or self.answer)

    def find(self, account: str, kind: str, reference: str) -> Json | None:
        """Return a copy of an object as this unit sees it."""
        place = (account, kind, reference)
        if place in self.staged:
            body = self.staged[place]
            return None if body is None else orjson.loads(body)
        return self.store.find(account, kind, reference)

    def put(self, account: str, kind: str, thing: Json) -> Json:
        """Stage a new or changed object and return it."""
        if self.store.objects >= OBJECTS_MAX:
            raise ApiError(
                429,
                {
                    "type": "invalid_request_error",
                    "code": "rate_limit",
                    "message": f"The simulator holds its limit of {OBJECTS_MAX} "
                    "objects. Restart it without its journal.",
                },
            )
        self.staged[account, kind, thing["id"]] = compact(thing)
        return thing

    def delete(self, account: str, kind: str, reference: str) -> None:
        """Stage the removal of an object."""
        self.staged[account, kind, reference] = None

    def post(self, entry: Entry) -> None:
        """Stage an entry of the books."""
        self.entries.append(entry)

    def emit(self, account: str, kind: str, thing: Json) -> None:
        """Stage an event with a snapshot of the object."""
        event: Json = {
            "id": ids.new("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now,
            "data": {"object": public(thing)},
            "livemode": False,
            "pending_webhooks": len(self.store.listeners(account, kind)),
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": kind,
        }
        if account != PLATFORM:
            event["account"] = account
        self.put(account, "event", event)
        self.emitted.append((account, event["id"]))

    def record(self) -> bytes:
        """Return the journal line of this unit."""
        objects = [
            [*place, None if body is None else orjson.Fragment(body)]
            for place, body in self.staged.items()
        ]
        record: Json = {
            "objects": objects,
            "entries": [entry.as_json() for entry in self.entries],
        }
        if self.answer is not None:
            key, kept = self.answer
            body = kept.body.decode()
            record["answer"] = [key, kept.fingerprint, kept.status, body, kept.at]
        return orjson.dumps(record)


def public(thing: Json) -> Json:
    """Return the object without the simulator's own members (`_name`)."""
    return {name: value for name, value in thing.items() if not name.startswith("_")}
