"""Refused handshakes per address: who fails too often waits."""

from collections import OrderedDict

from charge_points.gateway.limits import Limits


class FailureLimit:
    """A window of failures for each address; bounded in addresses."""

    def __init__(self, limits: Limits) -> None:
        """Remember nobody yet."""
        self._limits = limits
        # address -> (start of the window, failures in it)
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def is_blocked(self, address: str, now: float) -> bool:
        """Whether ``address`` used up its failures; ``now`` is monotonic seconds."""
        window = self._windows.get(address)
        if window is None:
            return False
        started, count = window
        if now - started > self._limits.failures_window_s:
            del self._windows[address]
            return False
        return count >= self._limits.failures_per_address_max

    def note(self, address: str, now: float) -> None:
        """Count one refused handshake of ``address``."""
        started, count = self._windows.get(address, (now, 0))
        if now - started > self._limits.failures_window_s:
            started, count = now, 0
        self._windows[address] = (started, count + 1)
        self._windows.move_to_end(address)
        while len(self._windows) > self._limits.failure_addresses_max:
            self._windows.popitem(last=False)

    def forgive(self, address: str) -> None:
        """Forget ``address``: it brought a right password.

        Sites behind one router share an address; a good one must not be held for a
        bad neighbour longer than need be.
        """
        self._windows.pop(address, None)
