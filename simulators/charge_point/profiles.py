"""Charging profiles as a station keeps and obeys them.

Both versions' profiles arrive as OCPP objects; `Profile.parse` reads either.
Limits are whole watts: OCPP's decimals are rounded down, which is safe.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

PROFILES_MAX: Final = 100
TX_PURPOSES: Final = ("TxProfile", "TxDefaultProfile")
STATION_PURPOSES: Final = ("ChargePointMaxProfile", "ChargingStationMaxProfile")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One charging profile; `periods` are (seconds from its start, limit)."""

    id: int
    purpose: str
    stack_level: int
    kind: str
    unit: str
    periods: tuple[tuple[int, Decimal], ...]
    starts_at: datetime | None
    duration_s: int | None
    valid_from: datetime | None
    valid_to: datetime | None

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> "Profile":
        """Read a profile in the snake_case that the `ocpp` package hands over.

        Raises:
            ValueError: a mandatory field is missing or has no sense.
        """
        try:
            schedule = content["charging_schedule"]
            if isinstance(schedule, list):
                schedule = schedule[0]
            key = "charging_profile_id" if "charging_profile_id" in content else "id"
            periods = tuple(
                (int(period["start_period"]), Decimal(str(period["limit"])))
                for period in schedule["charging_schedule_period"]
            )
            if not periods:
                msg = "the charging profile has no period"
                raise ValueError(msg)
            return cls(
                id=int(content[key]),
                purpose=str(content["charging_profile_purpose"]),
                stack_level=int(content["stack_level"]),
                kind=str(content["charging_profile_kind"]),
                unit=str(schedule["charging_rate_unit"]),
                periods=periods,
                starts_at=_instant(schedule.get("start_schedule")),
                duration_s=schedule.get("duration"),
                valid_from=_instant(content.get("valid_from")),
                valid_to=_instant(content.get("valid_to")),
            )
        except (KeyError, IndexError, TypeError, ArithmeticError) as error:
            msg = f"the charging profile lacks {error}"
            raise ValueError(msg) from error

    def limit_w(
        self, at: datetime, *, started_at: datetime, watts_per_ampere: int
    ) -> int | None:
        """Return its limit now, or None where it says nothing."""
        if self.valid_from is not None and at < self.valid_from:
            return None
        if self.valid_to is not None and at >= self.valid_to:
            return None
        begins_at = self._begin(at, started_at)
        passed_s = (at - begins_at).total_seconds()
        if passed_s < 0 or (self.duration_s and passed_s >= self.duration_s):
            return None
        limit = self.periods[0][1]
        for start_s, value in self.periods:
            if passed_s >= start_s:
                limit = value
        return int(limit * watts_per_ampere if self.unit == "A" else limit)

    def _begin(self, at: datetime, started_at: datetime) -> datetime:
        if self.kind == "Relative" or self.starts_at is None:
            return started_at
        if self.kind == "Recurring":
            days = (at - self.starts_at).days
            return self.starts_at + timedelta(days=max(0, days))
        return self.starts_at


def _instant(text: str | None) -> datetime | None:
    if not text:
        return None
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


class ProfileStore:
    """The profiles of one connector (or of the station)."""

    def __init__(self) -> None:
        """Begin without any."""
        self.profiles: dict[int, Profile] = {}

    def put(self, profile: Profile) -> bool:
        """Keep a profile; the same purpose and level replaces; False if full."""
        for other in tuple(self.profiles.values()):
            same = (other.purpose, other.stack_level)
            if same == (profile.purpose, profile.stack_level):
                del self.profiles[other.id]
        if len(self.profiles) >= PROFILES_MAX:
            return False
        self.profiles[profile.id] = profile
        return True

    def clear(
        self,
        *,
        profile_id: int | None = None,
        purpose: str | None = None,
        stack_level: int | None = None,
    ) -> int:
        """Remove what matches every given criterion; return how many."""
        doomed = [
            profile.id
            for profile in self.profiles.values()
            if (profile_id is None or profile.id == profile_id)
            and (purpose is None or profile.purpose == purpose)
            and (stack_level is None or profile.stack_level == stack_level)
        ]
        for each in doomed:
            del self.profiles[each]
        return len(doomed)

    def limit_w(
        self, at: datetime, *, started_at: datetime, watts_per_ampere: int
    ) -> int | None:
        """Return the limit in force: TxProfile over TxDefault, capped by the max.

        OCPP 1.6 3.13.2 and 2.0.1 K: within a purpose the highest stack level
        that says something now wins.
        """
        found: dict[str, int] = {}
        for profile in sorted(
            self.profiles.values(), key=lambda each: each.stack_level
        ):
            limit = profile.limit_w(
                at, started_at=started_at, watts_per_ampere=watts_per_ampere
            )
            if limit is not None:
                found[profile.purpose] = limit
        leading = [found[purpose] for purpose in TX_PURPOSES if purpose in found][:1]
        caps = [found[purpose] for purpose in STATION_PURPOSES if purpose in found]
        return min(leading + caps, default=None)
