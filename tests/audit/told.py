"""What the audit did itself, beside the system's own books."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from tests.audit.business import Shop
from tests.audit.late import Account
from tests.factories import network


@dataclass
class Told:
    """What this test did, kept apart from the system's own books."""

    shop: Shop
    station: network.Station
    evse: int
    kind: str
    order: str = ""
    charge: network.Charge | None = None
    energy_wh: int = 0
    guest_token: str = ""
    began_at: datetime | None = None
    account: Account = field(default_factory=Account)

    def bill(self, energy_wh: int) -> None:
        """So much was drawn, as far as anybody knows by now."""
        self.energy_wh = energy_wh
        price = self.shop.price_at(self.station)
        self.account.bill(price.amount_minor(energy_wh))


@dataclass
class Ledger:
    """All that was told, and what happened to the money afterwards."""

    told: list[Told] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    refunds: int = 0
    disputes: list[str] = field(default_factory=list)
    sold: list[str] = field(default_factory=list)
    late: Counter[str] = field(default_factory=Counter)
