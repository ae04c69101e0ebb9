"""Prices and splits, computed here once more by other words than the system's own.

The proof compares what was billed with these few lines, so they use nothing of
``billing`` or ``settlement``.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction


@dataclass(frozen=True)
class Price:
    """Euro a kWh and a charge, before tax."""

    energy: str
    flat: str
    vat: str

    def amount_minor(self, energy_wh: int) -> int:
        """The sum after taxes, rounded once, half up, to the cent."""
        before = Decimal(self.energy) * energy_wh / 1000 + Decimal(self.flat)
        after = before * (100 + Decimal(self.vat)) / 100
        return int((after * 100).quantize(Decimal(1), ROUND_HALF_UP))


@dataclass(frozen=True)
class Split:
    """Basis points of each party, the operator first; together 10,000."""

    points: tuple[int, ...]

    def shares_minor(self, amount_minor: int) -> tuple[int, ...]:
        """Largest remainder; on a tie the earlier party."""
        exact = [Fraction(amount_minor * each, 10_000) for each in self.points]
        floors = [int(each) for each in exact]
        by_rest = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i], i))
        for index in by_rest[: amount_minor - sum(floors)]:
            floors[index] += 1
        return tuple(floors)
