"""What is known of charges only after they were billed, and what that costs."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from billing.models import Order
from billing.services import reviewing
from billing.services.corrections import UnableToCorrectBill
from charge_points.services import transactions
from tests.audit.clock import Clock

LATE_PERCENT = 4
"""Charges whose stop comes after they were billed by their last meter value."""

DECIDED_PERCENT = 3
"""Billed charges of which the operator states another energy, up or down."""

SILENCE = timedelta(days=2)


@dataclass
class Account:
    """What a driver has to pay for one charge, computed by this test alone."""

    bills: list[int] = field(default_factory=list)
    kept_minor: int = 0
    receipts: int = 0

    def bill(self, amount_minor: int) -> None:
        """A bill, or one that takes the place of the bill before."""
        if not self.bills:
            self.kept_minor, self.receipts = amount_minor, 1
        elif amount_minor != self.bills[-1] and (self.kept_minor or not self.bills[-1]):
            before = self.bills[-1]
            if amount_minor < before:
                self.kept_minor = min(self.kept_minor, amount_minor)
            else:
                self.kept_minor += amount_minor - before
            self.receipts += 1
        elif amount_minor != self.bills[-1]:
            # Given back whole before: no bill any more.
            amount_minor = self.bills[-1]
        self.bills.append(amount_minor)

    def refund(self, amount_minor: int) -> None:
        """Somebody gave back some of it."""
        self.kept_minor -= amount_minor


class LateFacts:
    """Keeps stops back and tells them later; changes its mind about energies."""

    def __init__(self, chance: random.Random, clock: Clock) -> None:
        self.chance, self.clock = chance, clock
        self.counts: Counter[str] = Counter()
        self._waiting: list[tuple[object, int, datetime]] = []
        self._billed: list[object] = []

    def strikes(self) -> bool:
        """Whether this stop is kept back."""
        return self.chance.randrange(100) < LATE_PERCENT

    def keep_back(self, told, energy_wh: int, ends_at: datetime) -> None:
        """The station tells a meter value and then nothing more."""
        seen_wh = energy_wh * self.chance.randrange(30, 95) // 100
        told.charge.meter(seen_wh, ends_at - timedelta(minutes=5))
        self._waiting.append((told, energy_wh, ends_at))
        told.bill(seen_wh)

    def waits_for(self, told) -> bool:
        """Whether the stop of this charge is still kept back."""
        return any(told is waiting for waiting, _, _ in self._waiting)

    def give_up_waiting(self) -> None:
        """As the sweep does after a day of silence: billed by the last value."""
        transactions.close_silent(at=self.clock.now() + SILENCE)

    def billed(self, ended: list) -> None:
        """Charges that may be decided about later."""
        self._billed += ended

    def tell(self) -> None:
        """The stops come after all."""
        waiting, self._waiting = self._waiting, []
        for told, energy_wh, ends_at in waiting:
            told.charge.stop(energy_wh, ends_at, told_at=self.clock.now())
            self._count("late stop", told, energy_wh)

    def decide(self, *, disputed: list[str]) -> None:
        """The operator states another energy of some charges that are closed."""
        kept_back = {id(told) for told, _, _ in self._waiting}
        rest = []
        for told in self._billed:
            if id(told) in kept_back:
                rest.append(told)
            elif self.chance.randrange(100) < DECIDED_PERCENT:
                self._decide(told, disputed)
        self._billed = rest

    def _decide(self, told, disputed: list[str]) -> None:
        order = Order.objects.filter(number=told.order, state="CLOSED").first()
        if order is None or order.number in disputed or not told.energy_wh:
            return
        if order.receipts.count() < told.account.receipts:
            # What was told late is on its way: decided at once, both would be one.
            self.counts["decision put off: late fact on its way"] += 1
            return
        energy_wh = told.energy_wh * self.chance.randrange(40, 130) // 100
        try:
            reviewing.decide(
                number=order.number,
                energy_wh=energy_wh,
                note="the meter was read again",
                by="audit",
                at=self.clock.now(),
            )
        except UnableToCorrectBill as error:
            self.counts[f"decision put off: {error.code}"] += 1
        else:
            self._count("decision", told, energy_wh)

    def _count(self, what: str, told, energy_wh: int) -> None:
        before = told.account.kept_minor
        told.bill(energy_wh)
        word = "same"
        if told.account.kept_minor != before:
            word = "up" if told.account.kept_minor > before else "down"
        self.counts[f"{what} {word}"] += 1
