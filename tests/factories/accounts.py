"""Operators, drivers with cards, vehicles with keys."""

import itertools
from dataclasses import dataclass

from django.utils import timezone

from cpms.accounts.models import Driver, Operator, Vehicle
from cpms.accounts.services import drivers, operators, vehicles
from settlement.services import methods
from simulators.vehicle.keys import VehicleKey
from simulators.vehicle.proofs import sign

PASSWORD = "a long enough passphrase"
_numbers = itertools.count(1)


def operator(code=None, **values) -> Operator:
    """An operator in Germany that takes euros; ``hold_default_minor`` and the like."""
    code = code or f"operator-{next(_numbers)}"
    made = operators.create_operator(
        code=code,
        name=code.title(),
        country=values.pop("country", "DE"),
        currency=values.pop("currency", "EUR"),
        time_zone=values.pop("time_zone", "Europe/Berlin"),
        by="test",
        at=timezone.now(),
    )
    for name, value in values.items():
        setattr(made, name, value)
    made.save()
    return made


@dataclass(frozen=True)
class Person:
    """A driver and the bearer token of its app."""

    driver: Driver
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def driver(email=None, **values) -> Person:
    """A driver that has signed up, without any payment method."""
    email = email or f"driver-{next(_numbers)}@example.org"
    issued = drivers.sign_up(
        email=email, password=PASSWORD, locale="en", at=timezone.now()
    )
    Driver.objects.filter(pk=issued.driver_id).update(**values)
    return Person(Driver.objects.get(pk=issued.driver_id), issued.token)


def add_card(person: Person, card="pm_card_visa"):
    """Save a card at the provider simulator."""
    return methods.save(
        driver_id=person.driver.pk,
        provider="stripe",
        payment_method_ref=card,
        at=timezone.now(),
    )


def driver_with_card(email=None, card="pm_card_visa", **values) -> Person:
    """A driver that can pay; needs the provider simulator."""
    person = driver(email, **values)
    add_card(person, card)
    return person


@dataclass(frozen=True)
class Car:
    """An enrolled vehicle with its private key."""

    key: VehicleKey
    row: Vehicle

    def proof(self, certificate_hash, station, **payload) -> str:
        """A signed proof for a certificate at a station."""
        content = {
            "certificate_hash": certificate_hash,
            "station": station,
            "purpose": "charge",
            "iat": int(timezone.now().timestamp()),
            "jti": f"proof-{next(_numbers)}",
            **payload,
        }
        known = {name: value for name, value in content.items() if value is not None}
        return sign(known, self.key)


def vehicle(person: Person, curve=None, label="car") -> Car:
    """Enrol a vehicle to a driver."""
    key = VehicleKey.generate(curve)
    row = vehicles.enrol(
        driver_id=person.driver.pk,
        label=label,
        public_key_pem=key.public_pem,
        csr_pem="",
        at=timezone.now(),
    )
    return Car(key, row)


def api_key(operator: Operator, *scopes: str) -> dict[str, str]:
    """Headers of an operator's own system; all scopes when none is named."""
    made = operators.create_api_key(
        operator_code=operator.code,
        scopes=list(scopes or operators.SCOPES),
        name="test",
        by="test",
        at=timezone.now(),
    )
    return {"Authorization": f"Api-Key {made.key}"}
