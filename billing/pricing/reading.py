"""JSON → ``Session``: an OCPI CDR, or a list of segments in local time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from zoneinfo import ZoneInfo

from billing.pricing.exact import shift
from billing.pricing.fields import Fields, UnableToParseSession
from billing.pricing.session import (
    QUANTITY_MAX,
    SESSION_SPAN_MAX,
    ChargingPeriod,
    Session,
    State,
    zone_of,
)

PERIODS_MAX: Final = 10_000
"""Periods of one CDR; more is no session."""

_MINUTE_US: Final = 60_000_000
_HOUR_US: Final = 60 * _MINUTE_US
_MINUTES_MAX: Final = Decimal(SESSION_SPAN_MAX.days * 24 * 60)
_QUANTITY_MAX: Final = Decimal(QUANTITY_MAX)
_VOLUME_MAX: Final = Decimal(10**9)

# CDR dimensions that say how strong the current was; the first one stated counts.
_CURRENTS: Final = ("CURRENT", "MAX_CURRENT", "MIN_CURRENT")
_POWERS: Final = ("POWER", "MAX_POWER", "MIN_POWER")


def session_from_segments(value: Mapping[str, Any]) -> Session:
    """Read consecutive segments.

    ``{"start_local": "2019-06-24T08:00:00", "time_zone": "Europe/Amsterdam",
    "segments": [{"state": "charging", "minutes": 120, "energy_kwh": "20",
    "current_a": "16", "power_kw": "11"}, …]}``: the start is in the local time of
    the zone (the earlier one where the clock shows it twice), minutes are real ones.

    Raises:
        UnableToParseSession: the path of the first bad field.
        UnableToBuildSession: the facts cannot have happened like this.
    """
    fields = Fields(value, UnableToParseSession)
    zone = zone_of(fields.required_text("time_zone", max_length=255))
    at = _local_instant(fields, "start_local", zone)
    periods = []
    for segment in fields.objects("segments", most=PERIODS_MAX):
        state = segment.word("state", segment.required("state"), State)
        segment.required("minutes")
        minutes = segment.number("minutes", most=_MINUTES_MAX) or Decimal(0)
        ends_at = at + _length(minutes, _MINUTE_US)
        energy_kwh = segment.number("energy_kwh", most=_VOLUME_MAX) or Decimal(0)
        load = (
            segment.number("current_a", most=_QUANTITY_MAX),
            segment.number("power_kw", most=_QUANTITY_MAX),
        )
        periods.append(ChargingPeriod.in_kwh(state, at, ends_at, energy_kwh, load=load))
        at = ends_at
    return Session(tuple(periods), zone)


def session_from_cdr(value: Mapping[str, Any], time_zone: ZoneInfo | str) -> Session:
    """Read the charging periods of a CDR of OCPI 2.2.1 or 2.3.0.

    A period lasts until the next one or the end of the CDR. Its dimensions say what
    it was: RESERVATION_TIME, then charging, then PARKING_TIME, where one period
    holds several. A CDR with nothing but a reservation is of one that expired.

    Args:
        value: the parsed CDR.
        time_zone: of the location; a CDR does not carry it.

    Raises:
        UnableToParseSession: the path of the first bad field.
        UnableToBuildSession: the facts cannot have happened like this.
    """
    fields = Fields(value, UnableToParseSession)
    zone = zone_of(time_zone)
    entries = [
        _Entry(entry, _required_instant(entry, "start_date_time"), _volumes(entry))
        for entry in fields.objects("charging_periods", most=PERIODS_MAX)
    ]
    ends = [entry.starts_at for entry in entries[1:]]
    ends.append(_required_instant(fields, "end_date_time"))
    expired = all("RESERVATION_TIME" in e.volumes for e in entries) and not any(
        e.volumes.get(name) for e in entries for name in ("TIME", "PARKING_TIME")
    )
    periods: list[ChargingPeriod] = []
    for entry, ends_at in zip(entries, ends, strict=True):
        periods.extend(entry.periods(ends_at, expired=expired))
    return Session(tuple(periods), zone)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A ChargingPeriod of OCPI: where it stands, its start and its volumes."""

    fields: Fields
    starts_at: datetime
    volumes: Mapping[str, Decimal]

    def periods(self, ends_at: datetime, *, expired: bool) -> list[ChargingPeriod]:
        """The states that this period went through, in their natural order."""
        if ends_at < self.starts_at:
            raise self.fields.fail(
                "start_date_time", "is after the next period or the end of the CDR."
            )
        stretches = self._stretches(ends_at - self.starts_at, expired=expired)
        charging = [state for state, _ in stretches if state is State.CHARGING]
        takes = charging[0] if charging else stretches[-1][0]
        at, periods = self.starts_at, []
        for state, length in stretches:
            energy = self.volumes.get("ENERGY", Decimal(0)) if state is takes else 0
            periods.append(
                ChargingPeriod(
                    state,
                    at,
                    at + length,
                    shift(Decimal(energy), 3),
                    self._first(_CURRENTS) if state is State.CHARGING else None,
                    self._first(_POWERS) if state is State.CHARGING else None,
                )
            )
            at += length
        return periods

    def _stretches(
        self, whole: timedelta, *, expired: bool
    ) -> list[tuple[State, timedelta]]:
        reserved = State.RESERVATION_EXPIRED if expired else State.RESERVED
        named = [
            (state, _length(self.volumes[name], _HOUR_US))
            for name, state in (
                ("RESERVATION_TIME", reserved),
                ("TIME", State.CHARGING),
                ("PARKING_TIME", State.PARKING),
            )
            if self.volumes.get(name)
        ]
        if not named:
            return [(State.CHARGING, whole)]
        # The clock is exact where volumes are rounded hours: the last state takes
        # what is left of the period.
        stretches, left = [], whole
        for state, length in named[:-1]:
            stretches.append((state, min(length, left)))
            left -= min(length, left)
        return [*stretches, (named[-1][0], left)]

    def _first(self, names: tuple[str, ...]) -> Decimal | None:
        stated = (self.volumes[name] for name in names if name in self.volumes)
        return next(stated, None)


def _volumes(entry: Fields) -> Mapping[str, Decimal]:
    volumes: dict[str, Decimal] = {}
    for dimension in entry.objects("dimensions", most=PERIODS_MAX):
        name = dimension.required_text("type", max_length=36)
        dimension.required("volume")
        volume = dimension.number("volume", least=-_VOLUME_MAX, most=_VOLUME_MAX)
        volumes[name] = volume or Decimal(0)
    return volumes


def _required_instant(fields: Fields, name: str) -> datetime:
    fields.required(name)
    instant = fields.instant(name)
    assert instant is not None, "required"
    return instant


def _local_instant(fields: Fields, name: str, zone: ZoneInfo) -> datetime:
    value = fields.required(name)
    try:
        local = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise fields.fail(name, f"is {value!r}; it must be a date and time.") from None
    if local.tzinfo is None:
        local = local.replace(tzinfo=zone)
    return local.astimezone(UTC)


def _length(value: Decimal, unit_us: int) -> timedelta:
    """A number of minutes or hours, to the nearest µs."""
    return timedelta(microseconds=round(Fraction(value) * unit_us))
