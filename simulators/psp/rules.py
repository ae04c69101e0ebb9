"""What the provider charges and how long things last; changeable at run time."""

from dataclasses import asdict, dataclass, fields

from simulators.psp.errors import Json, invalid

_BASIS = 10_000


def half_up(numerator: int, denominator: int) -> int:
    """Divide non-negative integers exactly, half rounded up."""
    return (2 * numerator + denominator) // (2 * denominator)


@dataclass(slots=True)
class Rules:
    """Settings of the provider. Money in minor units, times in seconds."""

    fee_basis_points: int = 150
    fee_fixed_minor: int = 25
    dispute_fee_minor: int = 1500
    minimum_minor: int = 50
    hold_s: int = 7 * 86_400
    short_hold_s: int = 60
    available_after_s: int = 2 * 86_400
    payout_after_s: int = 86_400
    latency_ms: int = 0
    latency_jitter_ms: int = 0
    rate_limit_per_s: int = 0
    webhook_duplicates: int = 0
    webhook_reorder_ms: int = 0
    webhook_latency_ms: int = 0

    def fee_minor(self, amount_minor: int) -> int:
        """Return the provider's own fee for a captured amount, half up."""
        share = half_up(amount_minor * self.fee_basis_points, _BASIS)
        return share + self.fee_fixed_minor

    def change(self, values: Json) -> None:
        """Set the named rules.

        Raises:
            ApiError: an unknown name or a value that is no integer >= 0.
        """
        known = {field.name for field in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise invalid(f"Unknown setting: {name}", param=name)
            if type(value) is not int or value < 0:
                raise invalid(f"{name} must be an integer >= 0", param=name)
        for name, value in values.items():
            setattr(self, name, value)

    def as_json(self) -> Json:
        """Return all rules by name."""
        return asdict(self)
