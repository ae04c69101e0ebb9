"""The provider's own double-entry books, in exact integers.

One book for the whole provider: every entry's lines add up to zero per
currency. A line belongs to a connected account, to the platform's account or
to one of the provider's counterparties, and names its category; the balance of
an account is the sum of its lines. Nothing here moves money from the platform
to an account: there is no such category.
"""

import heapq
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from simulators.psp.errors import Json

ISSUERS: Final = "issuers"
PROVIDER: Final = "provider"
BANKS: Final = "banks"
COUNTERPARTIES: Final = (ISSUERS, PROVIDER, BANKS)

# How a category acts on the balance of the account that it stands on.
SIGNS: Final = {
    "captured": 1,
    "refunded": -1,
    "provider_fee": -1,
    "application_fee": -1,
    "application_fee_returned": 1,
    "application_fee_earned": 1,
    "application_fee_refunded": -1,
    "disputed": -1,
    "dispute_returned": 1,
    "dispute_fee": -1,
    "paid_out": -1,
}


class Line(NamedTuple):
    """One leg: whose money, why, how much (minor units, signed)."""

    account: str
    category: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One balanced fact. `available_on` is when its money can be paid out."""

    at: int
    currency: str
    available_on: int
    lines: tuple[Line, ...]
    source: str

    def as_json(self) -> Json:
        """Return the journal's form."""
        return {
            "at": self.at,
            "currency": self.currency,
            "available_on": self.available_on,
            "source": self.source,
            "lines": [list(line) for line in self.lines],
        }

    @classmethod
    def from_json(cls, data: Json) -> "Entry":
        """Read the journal's form."""
        lines = tuple(Line(*line) for line in data["lines"])
        return cls(
            data["at"], data["currency"], data["available_on"], lines, data["source"]
        )


class UnableToPost(ValueError):
    """An entry that does not add up; a defect of the simulator itself."""


@dataclass(slots=True)
class _Balance:
    total_minor: int = 0
    pending_minor: int = 0
    due: list[tuple[int, int]] = field(default_factory=list)

    def add(self, amount_minor: int, available_on: int, at: int) -> None:
        self.total_minor += amount_minor
        if available_on > at:
            self.pending_minor += amount_minor
            heapq.heappush(self.due, (available_on, amount_minor))

    def settle(self, now: int) -> None:
        while self.due and self.due[0][0] <= now:
            self.pending_minor -= heapq.heappop(self.due)[1]


class Books:
    """All entries' sums, by account, currency and category."""

    def __init__(self) -> None:
        """Start empty."""
        self.entries = 0
        self._sums: dict[tuple[str, str], dict[str, int]] = {}
        self._balances: dict[tuple[str, str], _Balance] = defaultdict(_Balance)

    def post(self, entry: Entry) -> None:
        """Take an entry into the books.

        Raises:
            UnableToPost: the lines do not add up to zero, or a category is
                unknown.
        """
        if sum(line.amount_minor for line in entry.lines) != 0:
            raise UnableToPost(f"Entry of {entry.source} does not add up to zero.")
        for line in entry.lines:
            if line.category not in SIGNS:
                raise UnableToPost(f"Unknown category {line.category}.")
        for line in entry.lines:
            place = (line.account, entry.currency)
            sums = self._sums.setdefault(place, defaultdict(int))
            sums[line.category] += line.amount_minor
            balance = self._balances[place]
            balance.add(line.amount_minor, entry.available_on, entry.at)
        self.entries += 1

    def available_minor(self, account: str, currency: str, now: int) -> int:
        """Return what the account can pay out or refund from now."""
        balance = self._balances[account, currency]
        balance.settle(now)
        return balance.total_minor - balance.pending_minor

    def pending_minor(self, account: str, currency: str, now: int) -> int:
        """Return what is earned and not yet available."""
        balance = self._balances[account, currency]
        balance.settle(now)
        return balance.pending_minor

    def currencies(self, account: str) -> list[str]:
        """Return the currencies in which the account ever had money."""
        return sorted(cur for owner, cur in self._sums if owner == account)

    def account_report(self, account: str, now: int) -> Json:
        """Return per currency the balance and the magnitude of each category."""
        report: Json = {}
        for currency in self.currencies(account):
            sums = self._sums[account, currency]
            lines = {
                f"{name}_minor": sign * sums.get(name, 0)
                for name, sign in SIGNS.items()
            }
            report[currency] = {
                "balance_minor": sum(sums.values()),
                "available_minor": self.available_minor(account, currency, now),
                "pending_minor": self.pending_minor(account, currency, now),
                **lines,
            }
        return report

    def report(self, platform: str, now: int) -> Json:
        """Return the whole book: platform, accounts, counterparties, proof."""
        owners = sorted({owner for owner, _ in self._sums})
        accounts = [
            owner
            for owner in owners
            if owner != platform and owner not in COUNTERPARTIES
        ]
        totals: dict[str, int] = defaultdict(int)
        for (_, currency), sums in self._sums.items():
            totals[currency] += sum(sums.values())
        return {
            "balanced": all(total == 0 for total in totals.values()),
            "entries": self.entries,
            "transfers": 0,
            "platform": self.account_report(platform, now),
            "accounts": {name: self.account_report(name, now) for name in accounts},
            "counterparties": {
                owner: {
                    currency: sum(self._sums[owner, currency].values())
                    for currency in self.currencies(owner)
                }
                for owner in COUNTERPARTIES
            },
        }
