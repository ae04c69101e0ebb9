"""Whether who claims stands at the station: what reduces a live relay (page 1.4).

Freshness does not stop a relay, for the attacker forwards what is fresh. These checks
compare what only the victim's own vehicle or phone can know with what the station
knows. Both are optional: who sends nothing is not checked (docs/explanation/security).
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from charge_points.queries import ConnectorView
from cpms.kernel.errors import DomainError

PLUG_IN_SLACK: Final = timedelta(seconds=60)
"""Between a vehicle's own plug-in and the station's word of it."""
DISTANCE_MAX_M: Final = 1000
"""Indoor positions are poor; a relay is rarely in the same street."""
EARTH_RADIUS_M: Final = 6_371_000


class UnableToConfirmPresence(DomainError):
    """Who claims is somewhere else than the station."""

    http_status = 403


@dataclass(frozen=True, slots=True)
class Presence:
    """What a claim says of where it is made.

    Args:
        plugged_in_s: seconds since the vehicle was plugged in, by its own count; a
            duration, so that no clock has to be right.
        latitude, longitude: degrees (WGS 84).
    """

    plugged_in_s: int | None = None
    latitude: float | None = None
    longitude: float | None = None


def confirm(
    presence: Presence, view: ConnectorView, *, plugged_in_at: datetime, at: datetime
) -> None:
    """Compare with the plug-in episode and with the site's position.

    Raises:
        UnableToConfirmPresence: plug_in_mismatch or position_mismatch.
    """
    if presence.plugged_in_s is not None:
        told = timedelta(seconds=presence.plugged_in_s)
        if abs((at - plugged_in_at) - told) > PLUG_IN_SLACK:
            raise UnableToConfirmPresence(
                "plug_in_mismatch",
                "The vehicle was not plugged in when this station's plug was. "
                "Nothing was started.",
            )
    here = (presence.latitude, presence.longitude)
    if None not in here and view.site_position is not None:
        there = view.site_position
        if _distance_m(here, there) > DISTANCE_MAX_M:  # type: ignore[arg-type]  # checked
            raise UnableToConfirmPresence(
                "position_mismatch",
                "The charge point stands somewhere else. Nothing was started.",
            )


def _distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Great-circle distance (haversine)."""
    lat_a, lat_b = math.radians(a[0]), math.radians(b[0])
    half = math.sin((lat_b - lat_a) / 2) ** 2
    half += (
        math.cos(lat_a) * math.cos(lat_b) * math.sin(math.radians(b[1] - a[1]) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(half))
