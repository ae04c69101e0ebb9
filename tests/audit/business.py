"""Three operators with their accounts, stations, prices; drivers, cars and tokens."""

import random
from dataclasses import dataclass, field

from django.utils import timezone

from settlement.services import splits
from tests.audit.pricelist import Price, Split
from tests.factories import accounts, money, network, tariffs

STATIONS = 20
DRIVERS = 200
"""Who owes something may not charge: of few drivers many starts would be refused."""

POWER_W = 150_000
CARD_GOOD = "pm_card_visa"
CARD_POOR = "pm_card_chargeCustomerFail"
"""Can be saved and is declined at every use."""

POOR_DRIVERS = 2
FREE = Price("0", "0", "0")


@dataclass
class Shop:
    """An operator as this test knows it."""

    operator: object
    account: object
    price: Price
    split: Split
    stations: list[network.Station] = field(default_factory=list)
    free_station: str = ""

    @property
    def code(self) -> str:
        return self.operator.code

    def price_at(self, station: network.Station) -> Price:
        return FREE if station.identity == self.free_station else self.price


@dataclass
class Business:
    """Everybody."""

    shops: list[Shop]
    people: list[accounts.Person]
    poor: list[accounts.Person]
    cars: list[accounts.Car]
    tokens: dict[str, bool]
    """Token of a driver -> whether its card pays."""


WHO = (
    ("north", Price("0.49", "0", "19"), (9500, 500)),
    ("south", Price("0.39", "0.35", "20"), (8000, 700, 1300)),
    ("lake", Price("0.555", "0.10", "8.1"), (7000, 1000, 1500, 500)),
)
ROLES = ("platform", "site_host", "energy_supplier")


def open_business(psp, *, chance: random.Random) -> Business:
    """Everybody signs up."""
    shops = [_shop(psp, *who) for who in WHO]
    people = [
        accounts.driver_with_card(f"driver{n}@example.org") for n in range(DRIVERS)
    ]
    poor = [
        accounts.driver_with_card(f"poor{n}@example.org", CARD_POOR)
        for n in range(POOR_DRIVERS)
    ]
    cars = [
        accounts.vehicle(person, label=f"car {n}") for n, person in enumerate(people)
    ]
    tokens = {network.token(driver=person.driver): True for person in people}
    chance.shuffle(people)
    return Business(shops, people, poor, cars, tokens)


def _shop(psp, code: str, price: Price, points: tuple[int, ...]) -> Shop:
    operator = accounts.operator(code, hold_default_minor=5000)
    account = money.payee_account(psp, operator)
    _agree(operator, points)
    extra = [tariffs.component("FLAT", price.flat, vat=float(price.vat))]
    tariffs.tariff(
        operator,
        tariffs.component(price=price.energy, vat=float(price.vat)),
        *(extra if price.flat != "0" else ()),
        code=f"{code}-1",
    )
    stations = [
        network.station(operator, f"{code.upper()}-{n}", power_w=POWER_W)
        for n in range(STATIONS)
    ]
    free = stations[-1].identity
    tariffs.tariff(
        operator,
        tariffs.component(price="0", vat=None),
        code=f"{code}-free",
        charge_point=free,
    )
    return Shop(operator, account, price, Split(points), stations, free)


def _agree(operator, points: tuple[int, ...]) -> None:
    now = timezone.now()
    parties = [splits.Party("operator", operator.name, "operator", points[0])]
    parties += [
        splits.Party(role, role.replace("_", " ").title(), role, share)
        for role, share in zip(ROLES, points[1:], strict=False)
    ]
    splits.agree(
        splits.Agreement(
            operator_id=operator.pk,
            site_id=None,
            name="audit",
            parties=tuple(parties),
            valid_from=now,
        ),
        by="audit",
        at=now,
    )
