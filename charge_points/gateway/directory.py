"""The connected charge points of this process."""

from typing import TYPE_CHECKING

from charge_points.gateway import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from charge_points.gateway.connection import Station


class Directory:
    """At most one connection per charge point: the newest."""

    def __init__(self) -> None:
        """Nobody is connected."""
        self._stations: dict[int, Station] = {}

    def __len__(self) -> int:
        """Number of connected charge points."""
        return len(self._stations)

    def __iter__(self) -> "Iterator[Station]":
        """All connected charge points, as of now."""
        return iter(list(self._stations.values()))

    def get(self, charge_point_id: int) -> "Station | None":
        """The connection of a charge point, if it is here."""
        return self._stations.get(charge_point_id)

    def ids(self) -> list[int]:
        """Ids of all connected charge points."""
        return list(self._stations)

    def add(self, station: "Station") -> "Station | None":
        """Enter a connection.

        Returns:
            The connection that has to go: the older of the two, which may be
            ``station`` itself when handshakes overtook each other.
        """
        key = station.peer.charge_point_id
        present = self._stations.get(key)
        if present is not None and present.peer.generation > station.peer.generation:
            return station
        self._stations[key] = station
        metrics.CONNECTIONS.set(len(self._stations))
        return present

    def remove(self, station: "Station") -> bool:
        """Take a connection out; False when a newer one took its place before."""
        key = station.peer.charge_point_id
        if self._stations.get(key) is not station:
            return False
        del self._stations[key]
        metrics.CONNECTIONS.set(len(self._stations))
        return True
