"""From billed volumes to lines and totals, with the price limits."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Final

from billing.pricing.exact import Exact, decimal_of, fine, half_up
from billing.pricing.plan import UNIT, Part, Plan, tax_factor
from billing.pricing.result import MAX_PRICE, MIN_PRICE, PriceLine
from billing.pricing.rounding import Amounts
from billing.pricing.tariff import PriceLimit, TaxIncluded

NOTHING: Final = Amounts(0, 0)
_ZERO: Final = Decimal(0)


@dataclass(slots=True)
class Steps:
    """A running total in units of 10^-12, so that parts add up to the whole.

    Args:
        denominator: of the exact amounts.
        gross: prices contain their taxes, so the amount after taxes is the exact one.
    """

    denominator: int
    gross: bool
    before: int = 0
    taxes: int = 0

    def to(self, before: Exact, after: Exact) -> tuple[int, int]:
        """Go to an exact total; returns what that adds before taxes and as taxes."""
        taxes = fine(after - before, self.denominator)
        if self.gross:
            net = fine(after, self.denominator) - taxes
        else:
            net = fine(before, self.denominator)
        step = net - self.before, taxes - self.taxes
        self.before, self.taxes = net, taxes
        return step


@dataclass(slots=True)
class Sheet:
    """The lines of a price and its exact totals over a denominator.

    Args:
        plan: of the tariff.
        scale: of the volumes; the denominator is the plan's times this.
        amounts: exact sums per tax rate, before any price limit.
        used: indexes of the tax rates that have a line.
    """

    plan: Plan
    scale: int
    amounts: list[Amounts]
    steps: Steps
    lines: list[PriceLine] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    before: Exact = 0
    after: Exact = 0

    @classmethod
    def of(cls, plan: Plan, scale: int) -> "Sheet":
        """An empty sheet."""
        gross = plan.tariff.tax_included is TaxIncluded.YES
        return cls(
            plan,
            scale,
            [NOTHING] * len(plan.rates),
            Steps(plan.denominator * scale, gross),
        )

    def add(self, part: Part, volume: int, billed: int) -> None:
        """Add the line of a component, volumes in 1/scale small units."""
        before, after = part.before * billed, part.after * billed
        known = self.amounts[part.rate]
        self.amounts[part.rate] = Amounts(known.before + before, known.after + after)
        self.used.add(part.rate)
        self.before += before
        self.after += after
        net, taxes = self.steps.to(self.before, self.after)
        component = part.component
        unit = UNIT[component.type] * self.scale
        shown = decimal_of(fine(volume, unit))
        self.lines.append(
            PriceLine(
                dimension=component.type.value,
                reservation=part.reservation is not None,
                element=part.element,
                component_price=component.price,
                unit_price=part.unit_price,
                tax_rate=self.plan.rates[part.rate],
                step_size=component.step_size,
                volume=shown,
                billed_volume=(
                    shown if billed == volume else decimal_of(fine(billed, unit))
                ),
                before_taxes=decimal_of(net),
                taxes=decimal_of(taxes),
                after_taxes=decimal_of(net + taxes),
            )
        )

    def limit(self, *, charged: bool) -> bool:
        """Apply the price limits; returns whether one made a difference."""
        tariff = self.plan.tariff
        made = False
        if tariff.min_price is not None and charged:
            made = self._raise_to(tariff.min_price)
        if tariff.max_price is not None:
            made = self._lower_to(tariff.max_price) or made
        return made

    def exceeds(self, before_minor: int, after_minor: int) -> bool:
        """Whether money is above the greatest price, rounded as it is."""
        limit = self.plan.tariff.max_price
        if limit is None:
            return False
        scale, denominator = 10**self.plan.digits, self.steps.denominator
        before, after = self._limit(limit)
        return before_minor > half_up(before * scale, denominator) or (
            after is not None and after_minor > half_up(after * scale, denominator)
        )

    def _raise_to(self, limit: PriceLimit) -> bool:
        before, after = self._limit(limit)
        if after is None:
            missing = max(before - self.before, 0)
            after = self.after + missing * self._factor()
        return self._go_to(max(self.before, before), max(self.after, after), MIN_PRICE)

    def _lower_to(self, limit: PriceLimit) -> bool:
        before, after = self._limit(limit)
        if after is None:
            excess = max(self.before - before, 0)
            after = self.after - excess * self._factor()
        return self._go_to(min(self.before, before), min(self.after, after), MAX_PRICE)

    def _limit(self, limit: PriceLimit) -> tuple[Exact, Exact | None]:
        """A limit over the denominator; where no tax applies both parts are one."""
        denominator = self.steps.denominator
        before = _over(limit.before_taxes, denominator)
        if self.plan.tariff.tax_included is TaxIncluded.NOT_APPLICABLE:
            return before, before
        after = limit.after_taxes
        return before, None if after is None else _over(after, denominator)

    def _factor(self) -> Fraction:
        """After over before taxes: of this session, or of the tariff's one rate."""
        if self.before:
            return Fraction(self.after) / Fraction(self.before)
        rates = self.plan.rates
        return tax_factor(self.plan.tariff, rates[0] if len(rates) == 1 else None)

    def _go_to(self, before: Exact, after: Exact, name: str) -> bool:
        if before == self.before and after == self.after:
            return False
        self.before, self.after = before, after
        net, taxes = self.steps.to(before, after)
        self.lines.append(
            PriceLine(
                dimension=name,
                reservation=False,
                element=None,
                component_price=_ZERO,
                unit_price=_ZERO,
                tax_rate=None,
                step_size=0,
                volume=_ZERO,
                billed_volume=_ZERO,
                before_taxes=decimal_of(net),
                taxes=decimal_of(taxes),
                after_taxes=decimal_of(net + taxes),
            )
        )
        return True


def _over(amount: Decimal, denominator: int) -> int:
    """The amount as a numerator: the plan chose the denominator so that it is whole."""
    numerator, own = amount.as_integer_ratio()
    return numerator * (denominator // own)
