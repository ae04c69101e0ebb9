"""Local authorization lists: kept in step with the start policies, station by station.

A station that is offline starts and stops charges by its list. The list goes out in
parts that fit into one message; each part that the station accepts is a version of its
own, so that a part that was lost is found by asking for the version (1.6 3.5.3,
2.0.1 D01). One part is under way at a time.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Q

from charge_points.events import iso
from charge_points.models import ChargePoint, Command, IdToken, LocalList
from charge_points.models.states import COMMAND_OPEN
from charge_points.services import capabilities, commands
from charge_points.services.authorization import find_policies, judge, place_of
from charge_points.services.capabilities import Capabilities
from charge_points.services.rows import insert_unless_exists

SEND: Final = "send_local_list"
ASK_VERSION: Final = "get_local_list_version"
ENTRIES_MAX: Final = 10_000
"""On any list; what comes beyond is counted in ``left_out``."""

TOKENS_READ_MAX: Final = 2 * ENTRIES_MAX
PART_DEFAULT: Final = 100
"""Entries of one message where the station did not tell its own limit."""

VERSION_MAX: Final = 2**31 - 1
TOKEN_CHARS: Final = {"1.6": 20, "2.0.1": 36}
LIFETIME: Final = timedelta(minutes=5)
SETTLED_AFTER: Final = timedelta(minutes=1)
RECHECK: Final = timedelta(minutes=10)
RETRY_FIRST: Final = timedelta(minutes=1)
RETRY_DOUBLINGS_MAX: Final = 8
SWEEP_MAX: Final = 100
FULL: Final = "Full"
DIFFERENTIAL: Final = "Differential"

Entry = dict[str, Any]
Entries = dict[str, Entry]


def row_of(*, charge_point_id: int, operator_id: int) -> LocalList:
    """The list's row, locked; made where there is none."""
    insert_unless_exists(
        LocalList(charge_point_id=charge_point_id, operator_id=operator_id)
    )
    return LocalList.objects.select_for_update(no_key=True).get(
        charge_point_id=charge_point_id
    )


@transaction.atomic
def sync_due(*, at: datetime, limit: int = SWEEP_MAX) -> int:
    """Task: bring the lists of connected stations one step further.

    A list is looked at when it is not in step, when a start policy changed since the
    last look, or after ``RECHECK``, for policies also change by expiry.

    Returns:
        How many stations were sent something.
    """
    # Some stations hang up when they are asked right after the connect.
    online = ChargePoint.objects.filter(
        connected_at__lte=at - SETTLED_AFTER, disconnected_at__isnull=True
    )
    _add_rows(online)
    rows = list(
        LocalList.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(charge_point__in=online, is_wanted=True)
        .exclude(state=LocalList.State.NOT_SUPPORTED)
        .filter(Q(not_before__isnull=True) | Q(not_before__lte=at))
        .filter(
            Q(checked_at__isnull=True)
            | Q(checked_at__lte=at - RECHECK)
            | Q(state__in=["unknown", "stale", "sending"])
            | _changed_since_the_look()
        )
        .order_by("checked_at")[:limit]
    )
    can = capabilities.of_many(row.charge_point_id for row in rows)
    return sum(_step(row, can[row.charge_point_id], at) for row in rows)


def _changed_since_the_look() -> Q:
    newest = IdToken.objects.order_by("-updated_at").values_list("updated_at").first()
    return Q(checked_at__lt=newest[0]) if newest else Q(pk__in=[])


def _add_rows(online: Any) -> None:  # noqa: ANN401 - a queryset
    missing = online.filter(locallist__isnull=True).values_list("pk", "operator_id")
    LocalList.objects.bulk_create(
        [
            LocalList(charge_point_id=key, operator_id=operator_id)
            for key, operator_id in missing[:SWEEP_MAX]
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def sync(*, charge_point_id: int, at: datetime) -> bool:
    """Bring one list a step further, now.

    Returns:
        Whether something was sent.
    """
    station = ChargePoint.objects.get(pk=charge_point_id)
    row = row_of(charge_point_id=station.pk, operator_id=station.operator_id)
    return _step(row, capabilities.of_station(charge_point_id), at)


@transaction.atomic
def resend(*, charge_point_id: int, at: datetime) -> bool:
    """Forget what is known of the station's list and send it whole.

    Returns:
        Whether something was sent now.
    """
    station = ChargePoint.objects.get(pk=charge_point_id)
    row = row_of(charge_point_id=station.pk, operator_id=station.operator_id)
    row.entries, row.version, row.not_before = None, None, None
    row.failures = 0
    row.state = LocalList.State.UNKNOWN
    row.save()
    return _step(row, capabilities.of_station(charge_point_id), at)


def _step(row: LocalList, can: Capabilities, at: datetime) -> bool:
    """Decide the next message, if any."""
    row.checked_at = at
    if can.local_list_enabled is False or _is_under_way(row):
        row.save(update_fields=["checked_at"])
        return False
    if row.version is None:
        row.state = LocalList.State.UNKNOWN
        row.save()
        return _ask_version(row, at)
    wanted = _wanted(row, can, at)
    changes = _changes(row.entries or {}, wanted)
    if row.entries is not None and not changes:
        row.state = LocalList.State.IN_SYNC
        row.synced_at = at
        row.save()
        return False
    row.state = LocalList.State.SENDING
    row.save()
    return _send_part(row, changes, can, at)


def _is_under_way(row: LocalList) -> bool:
    return Command.objects.filter(
        charge_point_id=row.charge_point_id,
        intent__in=[SEND, ASK_VERSION],
        state__in=COMMAND_OPEN,
    ).exists()


def _wanted(row: LocalList, can: Capabilities, at: datetime) -> Entries:
    """What the list should say: good tokens first, as many as fit."""
    version = ChargePoint.objects.values_list("ocpp_version", flat=True).get(
        pk=row.charge_point_id
    )
    chars_max = TOKEN_CHARS.get(version, TOKEN_CHARS["1.6"])
    tokens = IdToken.objects.filter(
        Q(operator_id=row.operator_id) | Q(operator_id__isnull=True)
    )
    # An operator's own policy comes last, so that it counts.
    by_key = tokens.order_by("token_key", F("operator_id").asc(nulls_first=True))
    known = {token.token_key: token for token in by_key[:TOKENS_READ_MAX]}
    total = tokens.values("token_key").distinct().count()
    policies = find_policies({(key, row.operator_id) for key in known})
    entries: Entries = {}
    place = place_of(row.charge_point_id)
    for (key, _), policy in policies.items():
        if len(known[key].token) > chars_max:
            continue
        # A list knows no places and no hours: the station has to ask.
        if policy.has_hours or policy.refusal_at(place, at):
            total -= 1
            continue
        answer = judge(policy, at)
        entries[key] = {
            "id_token": known[key].token,
            "type": known[key].token_type,
            "status": answer.status,
            "group": answer.group if len(answer.group) <= chars_max else "",
            "expires_at": iso(answer.expires_at) if answer.expires_at else None,
        }
    room = min(can.local_list_entries_max or ENTRIES_MAX, ENTRIES_MAX)
    ranked = sorted(
        entries, key=lambda key: (entries[key]["status"] != "Accepted", key)
    )
    row.left_out = total - min(len(ranked), room)
    return {key: entries[key] for key in ranked[:room]}


def _changes(has: Mapping[str, Entry], wanted: Entries) -> list[tuple[str, Entry]]:
    """Removals first, for they make room; an entry without status is one."""
    gone = [
        (key, {"id_token": has[key]["id_token"], "type": has[key].get("type", "")})
        for key in sorted(has)
        if key not in wanted
    ]
    fresh = [
        (key, entry)
        for key, entry in wanted.items()
        if key not in has or _meaning(has[key]) != _meaning(entry)
    ]
    return gone + fresh


def _meaning(entry: Entry) -> tuple[Any, ...]:
    """What a station decides by; what a token is called is not part of it."""
    return (entry.get("status"), entry.get("group") or "", entry.get("expires_at"))


def _send_part(
    row: LocalList,
    changes: Sequence[tuple[str, Entry]],
    can: Capabilities,
    at: datetime,
) -> bool:
    part = changes[: can.local_list_items_max or PART_DEFAULT]
    version = (row.version or 0) % VERSION_MAX + 1
    commands.queue_intent(
        charge_point_id=row.charge_point_id,
        intent=SEND,
        arguments={
            "version": version,
            "kind": FULL if row.entries is None else DIFFERENTIAL,
            "entries": [entry for _, entry in part],
        },
        by="local list",
        idempotency_key=f"local list:{version}:{iso(at)}",
        expires_at=at + LIFETIME,
        at=at,
    )
    return True


def _ask_version(row: LocalList, at: datetime) -> bool:
    commands.queue_intent(
        charge_point_id=row.charge_point_id,
        intent=ASK_VERSION,
        arguments={},
        by="local list",
        idempotency_key=f"local list version:{iso(at)}",
        expires_at=at + LIFETIME,
        at=at,
    )
    return True


@transaction.atomic
def record_version(
    *, charge_point_id: int, operator_id: int, version: int, at: datetime
) -> None:
    """GetLocalListVersion was answered.

    -1 says that the station knows no lists (1.6 5.10); 0 that its list is empty; any
    other version than the last accepted one, that its content is not known.
    """
    row = row_of(charge_point_id=charge_point_id, operator_id=operator_id)
    if version < 0:
        _not_supported(row, "-1")
        return
    if version == 0:
        # 2.0.1 D02.FR.02: 0 stands for an empty list, so its content is known.
        row.entries = {}
    elif version != row.version:
        row.entries = None
    row.version = version
    row.state = LocalList.State.STALE
    row.not_before = None
    row.save()
    if row.is_wanted:
        _step(row, capabilities.of_station(charge_point_id), at)


@transaction.atomic
def record_sent(  # noqa: PLR0913 - the fields of one message, all named
    *,
    charge_point_id: int,
    operator_id: int,
    version: int,
    full: bool,
    entries: Mapping[str, Entry],
    status: str,
    at: datetime,
) -> None:
    """SendLocalList was answered: an accepted part is what the station has now.

    Args:
        charge_point_id: whose.
        operator_id: its operator.
        version: of the part.
        full: it replaced the list.
        entries: by token key; one without a status was a removal.
        status: the station's word.
        at: now.
    """
    row = row_of(charge_point_id=charge_point_id, operator_id=operator_id)
    row.last_answer = status[:60]
    if status == "NotSupported":
        _not_supported(row, status)
        return
    if status != "Accepted":
        # Failed or VersionMismatch: only the whole list can help (D01.FR.08).
        row.entries = None
        _delay(row, at)
        return
    has = {} if full else dict(row.entries or {})
    for key, entry in entries.items():
        if "status" in entry:
            has[key] = dict(entry)
        else:
            has.pop(key, None)
    if full or row.entries is not None:
        row.entries = has
    row.version = version
    row.failures, row.not_before = 0, None
    row.state = LocalList.State.STALE
    row.save()
    if row.is_wanted:
        _step(row, capabilities.of_station(charge_point_id), at)


@transaction.atomic
def record_failure(
    *, charge_point_id: int, operator_id: int, code: str, at: datetime
) -> None:
    """No answer, or a CALLERROR: a station without lists is not asked again."""
    row = row_of(charge_point_id=charge_point_id, operator_id=operator_id)
    row.last_answer = code[:60]
    if code in {"NotSupported", "NotImplemented"}:
        _not_supported(row, code)
        return
    # Nobody knows which version it has now.
    row.version = None
    _delay(row, at)


def _delay(row: LocalList, at: datetime) -> None:
    row.failures = min(row.failures + 1, 1000)
    doublings = min(row.failures - 1, RETRY_DOUBLINGS_MAX)
    row.not_before = at + RETRY_FIRST * 2**doublings
    row.state = LocalList.State.STALE
    row.save()


def _not_supported(row: LocalList, word: str) -> None:
    row.last_answer = word
    row.state = LocalList.State.NOT_SUPPORTED
    row.entries, row.version = None, None
    row.save()


@transaction.atomic
def forget(*, charge_point_ids: Sequence[int]) -> None:
    """After new firmware or a factory reset: ask for the version again."""
    LocalList.objects.filter(charge_point_id__in=charge_point_ids).update(
        state=LocalList.State.UNKNOWN, version=None, failures=0, not_before=None
    )
