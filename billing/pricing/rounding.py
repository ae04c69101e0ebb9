"""From exact amounts to money: the one place where an amount is rounded.

OCPI says nothing of rounding, so the rule has an id, which is stored with every
price; a price can be computed again by the rule it was made with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Final, Protocol

from billing.pricing.exact import Exact, half_up
from cpms.kernel.errors import DomainError

ROUNDING_POLICY: Final = "half-up-per-tax-rate-1"
"""The policy of new prices.

Components stay exact. Per tax rate, the sum before taxes and the sum after taxes are
each rounded once, half up, to the minor unit; the tax is their difference. The total
is the sum over the tax rates. When a least or greatest price made the total, or the
roundings would carry the total above the greatest price, the two totals are rounded
instead and shared over the tax rates by largest remainder.
"""


class UnableToRound(DomainError):
    """No such rounding policy."""

    http_status: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class Amounts:
    """Exact amounts of one tax rate, over a common denominator."""

    before: Exact
    after: Exact


@dataclass(frozen=True, slots=True)
class Money:
    """Integer minor units of one tax rate."""

    before_minor: int
    after_minor: int


class Policy(Protocol):
    """A rule that turns exact amounts into money."""

    def __call__(
        self, amounts: Sequence[Amounts], denominator: int, *, limited: bool
    ) -> tuple[Money, ...]:
        """Round.

        Args:
            amounts: exact, one per tax rate.
            denominator: of the amounts, for minor units.
            limited: whether a least or greatest price made the total.

        Returns:
            Money per tax rate, in the same order.
        """
        ...


def policy_of(name: str) -> Policy:
    """The policy of an id.

    Raises:
        UnableToRound: the id is unknown here.
    """
    try:
        return POLICIES[name]
    except KeyError:
        raise UnableToRound(
            "rounding_policy_unknown",
            f"Rounding policy {name!r} is unknown; known are {', '.join(POLICIES)}.",
        ) from None


def share_amounts(
    amounts: Sequence[Amounts], before: Exact, after: Exact
) -> tuple[Amounts, ...]:
    """Share a limited total over the tax rates that it stands for.

    The total with taxes is shared as the amounts with taxes were. The taxes are
    shared as the taxes were, which keeps the rates nearest to their own; where a
    limit holds more tax than that can carry, as the amounts were.
    """
    total = sum(amount.after for amount in amounts)
    if not total:
        rest = len(amounts) - 1
        return (Amounts(before, after), *[Amounts(0, 0)] * rest)
    gross = [Fraction(after * amount.after) / total for amount in amounts]
    tax, old_tax = after - before, total - sum(amount.before for amount in amounts)
    taxes = [share * tax / after if after else Fraction(0) for share in gross]
    if old_tax:
        own = [
            Fraction(tax * (amount.after - amount.before)) / old_tax
            for amount in amounts
        ]
        if all(part <= share for part, share in zip(own, gross, strict=True)):
            taxes = own
    return tuple(
        Amounts(share - part, share) for share, part in zip(gross, taxes, strict=True)
    )


def largest_remainder(total: int, shares: Sequence[Exact]) -> list[int]:
    """Whole shares that add up to ``total``, which is their own rounded sum.

    What is left after rounding down goes to the largest remainders, the first one
    of equals.
    """
    whole = [share.numerator // share.denominator for share in shares]
    left = total - sum(whole)
    order = sorted(
        range(len(shares)), key=lambda index: (whole[index] - shares[index], index)
    )
    for index in order[: max(left, 0)]:
        whole[index] += 1
    return whole


def _half_up_per_tax_rate(
    amounts: Sequence[Amounts], denominator: int, *, limited: bool
) -> tuple[Money, ...]:
    if not limited:
        return tuple(
            Money(
                half_up(amount.before, denominator), half_up(amount.after, denominator)
            )
            for amount in amounts
        )
    before = [Fraction(amount.before) / denominator for amount in amounts]
    taxes = [Fraction(amount.after - amount.before) / denominator for amount in amounts]
    before_minor = half_up(sum(before), 1)
    tax_minor = half_up(sum(before) + sum(taxes), 1) - before_minor
    return tuple(
        Money(net, net + tax)
        for net, tax in zip(
            largest_remainder(before_minor, before),
            largest_remainder(tax_minor, taxes),
            strict=True,
        )
    )


POLICIES: Final[Mapping[str, Policy]] = {ROUNDING_POLICY: _half_up_per_tax_rate}
