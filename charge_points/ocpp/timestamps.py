"""Times as charging stations write them, and as we write them.

Strict: RFC 3339 with a zone. Seen besides: no zone, a zone of hours only, a space or a
lower-case letter for T and Z, nine fraction digits, digits since the epoch, fields of
one digit, a leap second, and the clock of a station that does not know the time yet.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from charge_points.ocpp import quirk_names as quirk

# No charging station speaks OCPP-J with a right clock before this: 1.6J is of 2015.
CLOCK_NOT_SET_BEFORE: Final = datetime(2015, 1, 1, tzinfo=UTC)

TIME_LIMIT_CHARS: Final = 64

# Above this a number of digits counts milliseconds since the epoch, not seconds.
_EPOCH_SECONDS_LIMIT: Final = Decimal(100_000_000_000)

# 2024-01-31T12:00:00Z up to 2024-01-31T12:00:00.000000Z
_STRICT_LENGTHS_CHARS: Final = range(20, 28)
_FRACTION_DIGITS: Final = 6

_LOOSE: Final = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"(?P<separator>[Tt ]\s*)"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2}))?"
    r"(?:[.,](?P<fraction>\d+))?"
    r"\s*(?P<zone>[Zz]|(?P<sign>[+-])(?P<zone_hour>\d{2}):?(?P<zone_minute>\d{2})?)?",
    re.ASCII,
)
_EPOCH: Final = re.compile(r"\d{9,14}(?:\.\d{1,9})?", re.ASCII)


def format_utc(instant: datetime) -> str:
    """Write an aware `instant` as ``2024-01-31T12:00:00.000Z`` (always UTC).

    Raises:
        ValueError: `instant` has no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError("a time without a zone has no place on the wire")
    text = instant.astimezone(UTC).isoformat(timespec="milliseconds")
    return text[:-6] + "Z"


def parse_time(value: object) -> tuple[datetime | None, str | None]:
    """Read a time tolerantly.

    Args:
        value: What the charging station sent; anything.

    Returns:
        The aware UTC instant (None when unreadable) and the quirk's name (None when
        the text was right). A time before 2015 is returned with the quirk
        ``clock_not_set``: the caller decides what to take instead.
    """
    if (
        type(value) is str
        and len(value) in _STRICT_LENGTHS_CHARS
        and value[10] == "T"
        and value[-1] == "Z"
    ):
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            return _parse_loosely(value)
        return instant, _clock_quirk(instant, None)
    return _parse_loosely(value)


def _parse_loosely(value: object) -> tuple[datetime | None, str | None]:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None, quirk.TIME_UNREADABLE
    text = str(value)
    stripped = text[:TIME_LIMIT_CHARS].strip()
    if _EPOCH.fullmatch(stripped):
        return _from_epoch(Decimal(stripped))
    match = _LOOSE.fullmatch(stripped)
    instant = None if match is None else _from_match(match)
    if match is None or instant is None:
        return None, quirk.TIME_UNREADABLE
    padded = quirk.PADDED_VALUE if stripped != text else None
    return instant, _clock_quirk(instant, _spelling_quirk(match) or padded)


def _from_epoch(number: Decimal) -> tuple[datetime | None, str | None]:
    seconds = number if number < _EPOCH_SECONDS_LIMIT else number / 1000
    microseconds = int(seconds * 1_000_000)
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    return instant, _clock_quirk(instant, quirk.TIME_AS_NUMBER)


def _from_match(match: re.Match[str]) -> datetime | None:
    fraction = (match["fraction"] or "").ljust(_FRACTION_DIGITS, "0")
    second = int(match["second"] or 0)
    try:
        local = datetime(
            int(match["year"]),
            int(match["month"]),
            int(match["day"]),
            int(match["hour"]),
            int(match["minute"]),
            # datetime knows no leap second: 23:59:60 is taken as the second before.
            min(second, 59) if second == 60 else second,
            int(fraction[:_FRACTION_DIGITS]),
            tzinfo=UTC,
        )
        return local - _offset(match)
    except (ValueError, OverflowError):
        return None


def _offset(match: re.Match[str]) -> timedelta:
    if match["sign"] is None:
        return timedelta()
    hours, minutes = int(match["zone_hour"]), int(match["zone_minute"] or 0)
    if hours > 23 or minutes > 59:
        raise ValueError("no zone is a day or more away from UTC")
    offset = timedelta(hours=hours, minutes=minutes)
    return -offset if match["sign"] == "-" else offset


def _spelling_quirk(match: re.Match[str]) -> str | None:
    """Name the first rule of RFC 3339 that the spelling breaks."""
    zone, fraction = match["zone"], match["fraction"] or ""
    short_zone = match["sign"] is not None and len(zone) != len("+00:00")
    broken = (
        (zone is None, quirk.TIME_WITHOUT_ZONE),
        (short_zone, quirk.TIME_SHORT_ZONE),
        (match["separator"] != "T", quirk.TIME_SEPARATOR),
        (zone == "z", quirk.TIME_LOWER_CASE),
        (len(fraction) > _FRACTION_DIGITS, quirk.TIME_FRACTION_DIGITS),
    )
    return next((name for is_broken, name in broken if is_broken), None)


def _clock_quirk(instant: datetime, otherwise: str | None) -> str | None:
    return quirk.CLOCK_NOT_SET if instant < CLOCK_NOT_SET_BEFORE else otherwise
