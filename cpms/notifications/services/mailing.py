"""From an event to mails: whom, when, once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from smtplib import SMTPException, SMTPRecipientsRefused
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage

from cpms.accounts.models import Driver, Membership
from cpms.kernel.ids import sha256_hex
from cpms.notifications.kinds import BY_TOPIC, Kind
from cpms.notifications.models import (
    DriverNotificationSettings,
    Notification,
    StaffNotificationSettings,
)
from cpms.notifications.services.texts import words
from cpms.outbox.models import EventRecord
from cpms.outbox.publishing import publish_many
from cpms.outbox.subscriptions import Event, RetryLater

NOTIFICATION_QUEUED: Final = "NotificationQueued"
"""Work of this room itself: ``notification_id``."""

ATTEMPTS_MAX: Final = 8
PAUSE_FIRST_S: Final = 30
RECIPIENTS_MAX: Final = 50
"""Of one event; an operator has few people."""

SAME_WITHIN_S: Final = 3600
"""One connector that fails again and again is told once an hour."""


@dataclass(frozen=True, slots=True)
class _Person:
    email: str
    language: str
    muted: Collection[str] = ()
    quiet: tuple[time, time] | None = None
    zone: str = "UTC"


def _is_wanted(kind: Kind, event: Event) -> bool:
    if kind.name == "review_waiting":
        return bool(event.payload.get("review_reason"))
    if kind.when is None:
        return True
    name, values = kind.when
    return event.payload.get(name) in values


def _settled(kind: Kind, event: Event, at: datetime) -> bool:
    """Whether it is still worth telling.

    Raises:
        RetryLater: it is too early to say.
    """
    if not kind.unless:
        return True
    later = EventRecord.objects.filter(
        key=event.key, topic=kind.unless, pk__gt=event.id
    )
    if later.exists():
        return False
    waited = at - event.created_at
    if waited < kind.after:
        raise RetryLater((kind.after - waited).total_seconds(), "it may be over soon")
    return True


def _quiet(row: Any) -> tuple[time, time] | None:  # noqa: ANN401 - either table
    if row is None or row.quiet_from is None or row.quiet_until is None:
        return None
    return row.quiet_from, row.quiet_until


def _drivers(events: Iterable[Event]) -> dict[int, _Person]:
    """The drivers that events are about, by id, in two statements."""
    named = [event.payload.get("driver_id") for event in events]
    ids = {int(driver_id) for driver_id in named if driver_id}
    if not ids:
        return {}
    rows = {
        row.driver_id: row
        for row in DriverNotificationSettings.objects.filter(driver__in=ids)
    }
    found = {}
    for driver in Driver.objects.filter(pk__in=ids):
        row = rows.get(driver.pk)
        zone = row.time_zone if row else "UTC"
        muted = row.muted if row else ()
        person = _Person(driver.email, driver.locale, muted, _quiet(row), zone)
        found[driver.pk] = person
    return found


def _guest(event: Event) -> list[_Person]:
    email = event.payload.get("email")
    language = event.payload.get("language") or "en"
    return [_Person(email, language)] if email else []


def _staff(kind: Kind, operator_id: int) -> list[_Person]:
    members = list(
        Membership.objects.filter(
            operator_id=operator_id, role__in=kind.roles, user__is_active=True
        )
        .select_related("user", "operator")
        .order_by("pk")[:RECIPIENTS_MAX]
    )
    rows = {
        row.user_id: row
        for row in StaffNotificationSettings.objects.filter(
            user__in=[member.user_id for member in members]
        )
    }
    found = []
    for member in members:
        row = rows.get(member.user_id)
        zone = row.time_zone if row else member.operator.time_zone
        muted = row.muted if row else ()
        language = member.operator.default_language
        found.append(_Person(member.user.email, language, muted, _quiet(row), zone))
    return found


def _after_quiet_hours(person: _Person, at: datetime) -> datetime:
    """The first instant from ``at`` on at which the person may be disturbed."""
    if person.quiet is None:
        return at
    start, end = person.quiet
    local = at.astimezone(ZoneInfo(person.zone))
    now = local.time()
    asleep = start <= now < end if start < end else now >= start or now < end
    if not asleep:
        return at
    # The wall clock decides, also in the night in which it is changed.
    morning = local.replace(hour=end.hour, minute=end.minute, second=0, microsecond=0)
    return morning + timedelta(days=1) if morning <= local else morning


def _key(kind: Kind, event: Event) -> str:
    """What makes two mails the same one."""
    if kind.roles and kind.name in {"connector_faulted", "security_event"}:
        hour = int(event.created_at.timestamp()) // SAME_WITHIN_S
        what = event.payload.get("kind", "")
        return sha256_hex(f"{event.key} {what} {hour}")[:64]
    return f"event:{event.id}"


def write(events: Sequence[Event], *, at: datetime) -> int:
    """Write the mails of these events, once; in the caller's database transaction.

    Returns:
        How many are new.

    Raises:
        RetryLater: whether one of them is worth telling is not yet known.
    """
    rows = []
    drivers = _drivers(e for e in events if not BY_TOPIC[e.topic].roles)
    for event in events:
        kind = BY_TOPIC[event.topic]
        if _is_wanted(kind, event) and _settled(kind, event, at):
            rows += _rows(kind, event, at, drivers)
    keys = [(row.email, row.kind, row.key) for row in rows]
    known = set(
        Notification.objects.filter(key__in={key for _, _, key in keys}).values_list(
            "email", "kind", "key"
        )
    )
    fresh = {k: row for k, row in zip(keys, rows, strict=True) if k not in known}
    made = Notification.objects.bulk_create(fresh.values())
    publish_many(
        [
            (
                NOTIFICATION_QUEUED,
                None,
                f"notification:{row.pk}",
                {"notification_id": row.pk},
            )
            for row in made
        ]
    )
    return len(made)


def _rows(
    kind: Kind, event: Event, at: datetime, drivers: Mapping[int, _Person]
) -> list[Notification]:
    driver = drivers.get(event.payload.get("driver_id") or 0)
    if kind.roles:
        people = _staff(kind, event.operator_id or 0)
    else:
        people = [driver] if driver is not None else _guest(event)
    return [
        Notification(
            email=person.email,
            kind=kind.name,
            key=_key(kind, event),
            language=person.language,
            context=event.payload,
            not_before=at if kind.urgent else _after_quiet_hours(person, at),
            created_at=at,
        )
        for person in people
        if kind.name not in person.muted
    ]


def send(*, notification_id: int, at: datetime) -> None:
    """Send one mail; outside any database transaction.

    Raises:
        RetryLater: quiet hours, or the mail server did not take it.
    """
    row = Notification.objects.filter(pk=notification_id).first()
    if row is None or row.state != Notification.State.PENDING:
        return
    if at < row.not_before:
        raise RetryLater((row.not_before - at).total_seconds(), "quiet hours")
    subject, body = words(row.kind, row.context, language=row.language)
    # The same id at every try: mail programs show it once.
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")
    message = EmailMessage(
        subject,
        body,
        to=[row.email],
        headers={"Message-ID": f"<notification-{row.pk}@{domain}>"},
    )
    try:
        message.send()
    except SMTPRecipientsRefused as error:
        _end(row, Notification.State.DEAD, type(error).__name__, at)
        return
    except (SMTPException, OSError) as error:
        _failed(row, type(error).__name__, at)
        return
    _end(row, Notification.State.SENT, "", at)


def _end(row: Notification, state: str, error: str, at: datetime) -> None:
    Notification.objects.filter(pk=row.pk).update(
        state=state,
        attempts=row.attempts + 1,
        last_error=error,
        sent_at=at if state == Notification.State.SENT else None,
    )


def _failed(row: Notification, error: str, at: datetime) -> None:
    attempts = row.attempts + 1
    if attempts >= ATTEMPTS_MAX:
        _end(row, Notification.State.DEAD, error, at)
        return
    Notification.objects.filter(pk=row.pk).update(attempts=attempts, last_error=error)
    raise RetryLater(PAUSE_FIRST_S * 2**attempts, f"the mail server: {error}")
