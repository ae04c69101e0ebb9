"""What happens by itself when its time comes: holds, payouts, sessions."""

import heapq


class Deadlines:
    """Things to look at, by time.

    A wrong or late entry does no harm: whoever takes it looks at the object
    again.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._heap: list[tuple[int, str, str, str]] = []

    def add(self, at: int, account: str, kind: str, reference: str) -> None:
        """Remember to look at an object at this time."""
        heapq.heappush(self._heap, (at, account, kind, reference))

    def due(self, now: int) -> list[tuple[str, str, str]]:
        """Take out everything whose time has come: (account, kind, id)."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            found.append(heapq.heappop(self._heap)[1:])
        return found
