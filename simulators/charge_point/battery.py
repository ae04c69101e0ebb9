"""The vehicle's side of the cable: how much it holds and how fast it takes it."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

MILLIJOULES_PER_WH: Final = 3_600_000

# Share of the maximum power (per mille) at a state of charge (per mille):
# full power to 80 %, then the taper that every lithium battery needs.
DEFAULT_TAPER: Final = ((0, 1000), (800, 1000), (900, 450), (1000, 100))


@dataclass(frozen=True, slots=True)
class ChargingCurve:
    """Power over state of charge, linear between points, all per mille."""

    points: tuple[tuple[int, int], ...] = DEFAULT_TAPER

    def __post_init__(self) -> None:
        """Refuse curves that do not cover 0 to 1000 per mille in order."""
        charges = [charge for charge, _ in self.points]
        if charges != sorted(set(charges)) or charges[:1] + charges[-1:] != [0, 1000]:
            msg = f"a curve must rise from 0 to 1000 per mille, not {charges}"
            raise ValueError(msg)

    def share(self, soc_permille: int) -> int:
        """Return the per-mille share of the maximum power at this charge."""
        for (low, share_low), (high, share_high) in pairwise(self.points):
            if soc_permille <= high:
                rise = (share_high - share_low) * (soc_permille - low)
                return share_low + rise // (high - low)
        return self.points[-1][1]


@dataclass(slots=True)
class Battery:
    """A traction battery.

    Attributes:
        capacity_wh: usable energy when full.
        soc_permille: state of charge as plugged in.
        max_power_w: what the vehicle takes at most.
        curve: share of that over the state of charge.
    """

    capacity_wh: int = 60_000
    soc_permille: int = 200
    max_power_w: int = 11_000
    curve: ChargingCurve = ChargingCurve()
    taken_millijoules: int = 0

    @property
    def charge_permille(self) -> int:
        """State of charge now."""
        capacity = self.capacity_wh * MILLIJOULES_PER_WH
        return min(1000, self.soc_permille + self.taken_millijoules * 1000 // capacity)

    @property
    def room_millijoules(self) -> int:
        """Energy until it is full."""
        capacity = self.capacity_wh * MILLIJOULES_PER_WH
        free = capacity * (1000 - self.soc_permille) // 1000
        return max(0, free - self.taken_millijoules)

    @property
    def power_w(self) -> int:
        """Power that it asks for now; 0 when full."""
        if self.room_millijoules == 0:
            return 0
        return self.max_power_w * self.curve.share(self.charge_permille) // 1000

    def take(self, millijoules: int) -> None:
        """Store energy."""
        self.taken_millijoules += millijoules
