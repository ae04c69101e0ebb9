"""A small shop for electricity, and short names for what happens in it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from billing.models import Order
from billing.services import ordering
from settlement.models import Payment
from settlement.services import methods
from tests.factories import accounts, money, network, tariffs
from tests.outbox import drain

API = "/api/v1"
CLAIM = f"{API}/charging-certificates/claim"
MINUTE = timedelta(minutes=1)


def ago(**spans) -> datetime:
    return timezone.now() - timedelta(**spans)


@dataclass
class World:
    """What most tests need; times are real, as the simulator's are."""

    psp: Any
    operator: Any
    account: Any
    station: network.Station
    person: accounts.Person

    @property
    def driver(self):
        return self.person.driver

    def claim(self, issued, **values) -> Order:
        """A claim by the driver's phone."""
        claim = ordering.Claim(
            presented=values.pop("presented", issued and issued.jws),
            proof=values.pop("proof", None),
            driver_id=values.pop("driver_id", self.driver.pk),
            idempotency_key=values.pop("key", ""),
            **values,
        )
        return ordering.claim_certificate(claim=claim, at=timezone.now())

    def claimed(self, **values) -> Order:
        """An order by certificate whose hold was answered."""
        order = self.claim(self.station.certificate(), **values)
        drain()
        return fresh(order)

    def charging(self, *, minutes=60, **values) -> tuple[Order, network.Charge]:
        """An order by certificate that charges since some minutes."""
        order = self.claimed(**values)
        return fresh(order), self.begin(order)

    def begin(self, order) -> network.Charge:
        charge = self.station.start(order.number)
        drain()
        return charge

    def finish(self, charge, energy_wh=10_000, *, minutes=30, unplug=True, **values):
        """The stop, half an hour after the start, and the unplug."""
        ends_at = charge.started_at + timedelta(minutes=minutes)
        charge.stop(energy_wh, ends_at, **values)
        if unplug:
            self.station.status("available", ends_at + MINUTE, evse=charge.evse)
        drain()

    def closed(self, energy_wh=10_000, **values) -> Order:
        """A whole charge by certificate."""
        order, charge = self.charging(**values)
        self.finish(charge, energy_wh)
        return fresh(order)

    def card(self, behaviour) -> None:
        """Change what happens with the driver's card."""
        method = methods.default_for(self.driver.pk)
        self.psp.control(
            f"payment_methods/{method.payment_method_ref}", {"behaviour": behaviour}
        )

    def books(self) -> dict[str, int]:
        """The provider's own book of the operator's account."""
        found = self.psp.books()["accounts"].get(self.account.reference, {})
        return found.get(self.operator.currency.lower(), {})


def make_world(psp, *, price="0.50", vat=19, **operator_values) -> World:
    operator = accounts.operator(**operator_values)
    account = money.payee_account(psp, operator)
    money.split(operator, ("platform", "platform", 500))
    tariffs.tariff(operator, tariffs.component(price=price, vat=vat))
    station = network.station(operator)
    return World(psp, operator, account, station, accounts.driver_with_card())


def fresh(order) -> Order:
    return Order.objects.get(pk=order.pk)


def payment_of(order) -> Payment:
    return Payment.objects.get(order_number=order.number, sequence=1)


def moves_of(order) -> list[str]:
    return [move.to_state for move in order.moves.all()]


def api(headers=None) -> Client:
    return Client(headers=headers or {})
