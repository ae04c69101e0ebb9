"""Where charges happen: connector, plug-in episode and names, for many at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from charge_points.services.connectors import Key, add_connector
from charge_points.services.rows import fetch_columns, numbers

_SELECT: Final = """
SELECT wanted.station_id, wanted.evse, wanted.connector, place.id, place.number,
       episode.id
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])
    AS wanted (station_id, evse, connector)
CROSS JOIN LATERAL (
    SELECT id, number FROM charge_points_connector
    WHERE charge_point_id = wanted.station_id AND evse_number = wanted.evse
      AND (wanted.connector = 0 OR number = wanted.connector)
    ORDER BY number LIMIT 1
) AS place
LEFT JOIN charge_points_pluginepisode AS episode
  ON episode.connector_id = place.id AND episode.ended_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A connector with the episode that lives there."""

    connector_id: int
    evse: int
    number: int
    episode_id: int | None


def find_places(wanted: Mapping[Key, int]) -> dict[Key, Place]:
    """Find connectors, and make those that a charge names and nobody listed.

    Args:
        wanted: (charge point id, EVSE, connector; 0 is the EVSE's first) -> operator.

    Raises:
        UnableToFindConnector: numbers beyond what a station can have.
    """
    found = _select(wanted)
    missing = [key for key in sorted(wanted) if key not in found]
    for station_id, evse, connector in missing:
        add_connector(
            operator_id=wanted[station_id, evse, connector],
            charge_point_id=station_id,
            evse=evse,
            connector=connector or 1,
        )
    if missing:
        found |= _select(missing)
    return found


def _select(wanted: Iterable[Key]) -> dict[Key, Place]:
    keys = list(wanted)
    if not keys:
        return {}
    rows = fetch_columns(
        _SELECT,
        [
            numbers([key[0] for key in keys]),
            numbers([key[1] for key in keys]),
            numbers([key[2] for key in keys]),
        ],
    )
    return {
        (station_id, evse, connector): Place(place_id, evse, number, episode_id)
        for station_id, evse, connector, place_id, number, episode_id in rows
    }


def identities_of(charge_point_ids: Iterable[int]) -> dict[int, str]:
    """The names that events use for charge points."""
    wanted = sorted(set(charge_point_ids))
    if not wanted:
        return {}
    return dict(
        fetch_columns(
            "SELECT id, identity FROM charge_points_chargepoint "
            "WHERE id = ANY(%s::bigint[])",
            [numbers(wanted)],
        )
    )
