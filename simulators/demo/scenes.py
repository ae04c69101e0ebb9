"""The charges of the demo: every way to start, at both operators."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from simulators.charge_point import SimulatedStation, StationOptions
from simulators.charge_point.facts import Token
from simulators.driver import Guest
from simulators.errors import UnableToReach, WaitedTooLong
from simulators.rest import ApiRefusal, RestClient
from simulators.vehicle import SimulatedVehicle

Json = dict[str, Any]
Say = Callable[[str], None]

FINAL_STATES: Final = frozenset({"CLOSED", "CANCELLED", "FAILED", "REVIEW"})
POLL_S: Final = 0.1
ORDER_S: Final = 1200.0
"""Charges and final states. Deadlines only end what would never end: a machine that is
busy lets fast stations catch up with real time, and then the longest charge of the demo
takes its 1,146 s at the 11 kW of its vehicle."""

TIME_SCALE: Final = 200
BEHIND_S: Final = 3000
"""Fast stations live so far in the past that their charges end before now."""

TOKEN_BEHIND_S: Final = 100
TOKEN_ENERGY_WH: Final = 250

START_S: Final = 120.0
"""Answers, starts and what is queued; see ``ORDER_S``."""


@dataclass(frozen=True, slots=True)
class Account:
    """A driver with a payment method."""

    email: str
    client: RestClient
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A charge point of the seeded network and its operator's API."""

    identity: str
    version: str
    password: str
    codes: tuple[str, ...]
    operator: RestClient
    operator_name: str
    token: str


def places_of(network: Json, web_url: str) -> dict[str, Place]:
    """The charge points that ``manage.py seed_demo --json`` told, by identity."""
    client = RestClient(base_url=web_url, timeout_s=START_S)
    return {
        point["identity"]: Place(
            identity=point["identity"],
            version=point["version"],
            password=point["password"],
            codes=tuple(point["connector_codes"]),
            operator=client.as_operator(operator["api_key"]),
            operator_name=operator["name"],
            token=operator["token"],
        )
        for operator in network["operators"]
        for point in operator["charge_points"]
    }


def open_account(web_url: str, name: str, *, card: str = "pm_card_visa") -> Account:
    """Sign a driver up over REST and save a payment method."""
    client = RestClient(base_url=web_url, timeout_s=START_S)
    email = f"{name}-{secrets.token_hex(3)}@example.org"
    password = secrets.token_urlsafe(12)
    told = _dict(
        client.post("/api/v1/driver/sign-up", {"email": email, "password": password})
    )
    driver = client.as_driver(str(told["token"]))
    driver.post(
        "/api/v1/driver/payment-methods",
        {"provider": "stripe", "payment_method": card},
    )
    return Account(email, driver, str(told["token"]))


def _dict(value: object) -> Json:
    assert isinstance(value, dict), value
    return value


def vehicle_of(account: Account, web_url: str, label: str) -> SimulatedVehicle:
    """A vehicle enrolled to an account."""
    vehicle = SimulatedVehicle(
        api=RestClient(base_url=web_url, timeout_s=START_S),
        label=label,
        max_amount_minor=4000,
        currency="EUR",
    )
    vehicle.enrol(account.token)
    return vehicle


def station(
    place: Place, ocpp_url: str, *, stock: bool = False, behind_s: int = BEHIND_S
) -> SimulatedStation:
    """A simulated station for a charge point; its time runs fast.

    A token start that is told more than two minutes late counts as an offline one, so
    stations for tokens live just behind now (and charge little).
    """
    options = StationOptions(
        evses=len(place.codes),
        max_power_w=22_000,
        stock=stock,
        time_scale=TIME_SCALE,
        behind_s=behind_s,
        meter_interval_s=60,
        timeout_s=START_S,
    )
    return SimulatedStation(
        ocpp_url, place.identity, place.version, place.password, options=options
    )


async def until_final(
    client: RestClient, number: str, *, timeout_s: float = ORDER_S
) -> Json:
    """Wait until an order is in a final state, as its operator's API tells it.

    A web process that is away for a moment is asked again.

    Raises:
        WaitedTooLong: it is not within ``timeout_s``.
    """
    deadline = asyncio.get_running_loop().time() + timeout_s
    order: Json = {}
    while asyncio.get_running_loop().time() < deadline:
        with contextlib.suppress(UnableToReach, ApiRefusal):
            order = _dict(await client.aget(f"/api/v1/operator/orders/{number}"))
            if order["state"] in FINAL_STATES:
                return order
        await asyncio.sleep(POLL_S)
    raise WaitedTooLong(f"Order {number} is still {order.get('state')}.")


async def order_numbers(place: Place) -> set[str]:
    """The numbers of the newest orders at a charge point."""
    page = _dict(
        await place.operator.aget(
            "/api/v1/operator/orders", {"charge_point": place.identity}
        )
    )
    return {str(order["order"]) for order in page["results"]}


async def newest_order(
    place: Place, *, known: set[str], timeout_s: float = ORDER_S
) -> str:
    """The number of an order at this charge point that is not in ``known`` yet.

    Raises:
        WaitedTooLong: there is none within ``timeout_s``.
    """
    deadline = asyncio.get_running_loop().time() + timeout_s
    while asyncio.get_running_loop().time() < deadline:
        with contextlib.suppress(UnableToReach, ApiRefusal):
            fresh = await order_numbers(place) - known
            if fresh:
                return fresh.pop()
        await asyncio.sleep(POLL_S)
    raise WaitedTooLong(f"No new order at {place.identity}.")


async def by_certificate(
    place: Place,
    at: SimulatedStation,
    vehicle: SimulatedVehicle,
    *,
    outlet: int,
    energy_wh: int,
    say: Say = lambda _: None,
) -> str:
    """Plug in and charge: the seven steps of the certificate flow."""
    seen = at.journal.last_number
    await at.plug_in(outlet, vehicle)
    say(f"1  {place.identity} ({place.version}) asks for a charging certificate")
    offer = await at.journal.wait_for(
        "certificate_received", timeout_s=START_S, after=seen
    )
    say(f"2  the gateway issues one, valid until {offer.data['expires_at']}")
    say(f"3  it reaches the vehicle through the charger: {offer.data['uri']}")
    number = await vehicle.wait_for_order(START_S)
    say(f"4  the vehicle claims it with its signed proof of identity: order {number}")
    await at.wait_for_remote_start(outlet, START_S)
    say("5  the platform holds the payment and answers the gateway")
    say("6  the gateway starts the charge with the order number as its handle")
    reading = await at.charge(outlet, energy_wh=energy_wh, timeout_s=ORDER_S)
    await at.stop_local(outlet)
    await at.settle(START_S)
    await at.unplug(outlet)
    await at.settle(START_S)
    say(f"7  billing data under the order number: register {reading.energy_wh} Wh")
    return number


async def by_token(
    place: Place,
    at: SimulatedStation,
    token: str | Token,
    *,
    outlet: int,
    energy_wh: int = TOKEN_ENERGY_WH,
) -> str:
    """Charge with a token, as any stock station does, or with a contract."""
    known = await order_numbers(place)
    await at.plug_in(outlet)
    await at.start_local_transaction(token, outlet, START_S)
    await at.charge(outlet, energy_wh=energy_wh, timeout_s=ORDER_S)
    await at.stop_local(outlet)
    await at.unplug(outlet)
    await at.settle(START_S)
    return await newest_order(place, known=known)


async def by_offline_token(
    place: Place, at: SimulatedStation, token: str, *, outlet: int, energy_wh: int
) -> str:
    """Charge with a token that the station knows while its line is down.

    The whole charge is told when the line is back, with the times that it had.
    """
    known = await order_numbers(place)
    await at.authorize(token, START_S)
    await at.settle(START_S)
    await at.go_offline()
    await at.plug_in(outlet)
    await at.start_local_transaction(token, outlet, START_S)
    await at.charge(outlet, energy_wh=energy_wh, timeout_s=ORDER_S)
    await at.stop_local(outlet)
    await at.unplug(outlet)
    await at.come_back(START_S)
    return await newest_order(place, known=known)


async def by_driver_api(
    place: Place,
    at: SimulatedStation,
    account: Account,
    *,
    outlet: int,
    energy_wh: int,
) -> str:
    """Start and stop from the driver's app."""
    orders = _Orders(account.client, "/api/v1/driver/orders")
    return await _by_remote(place, at, orders, outlet=outlet, energy_wh=energy_wh)


async def by_operator(
    place: Place, at: SimulatedStation, *, outlet: int, energy_wh: int
) -> str:
    """Start and stop from the operator's desk; what it costs is owed to it."""
    orders = _Orders(place.operator, "/api/v1/operator/orders")
    return await _by_remote(place, at, orders, outlet=outlet, energy_wh=energy_wh)


@dataclass(frozen=True, slots=True)
class _Orders:
    """Who starts, and where its orders are."""

    client: RestClient
    path: str


async def _by_remote(
    place: Place, at: SimulatedStation, orders: _Orders, *, outlet: int, energy_wh: int
) -> str:
    await at.plug_in(outlet)
    await at.settle(START_S)
    order = _dict(
        await orders.client.apost(
            orders.path, {"connector_code": place.codes[outlet - 1]}
        )
    )
    number = str(order["order"])
    await at.wait_for_remote_start(outlet, START_S)
    await at.charge(outlet, energy_wh=energy_wh, timeout_s=ORDER_S)
    seen = at.journal.last_number
    await orders.client.apost(f"{orders.path}/{number}/stop", {})
    await at.journal.wait_for("transaction_ended", timeout_s=START_S, after=seen)
    await at.unplug(outlet)
    await at.settle(START_S)
    return number


async def by_guest(
    place: Place, at: SimulatedStation, web_url: str, *, outlet: int, energy_wh: int
) -> str:
    """Scan the label, pay on the provider's page, charge: no account, no app."""
    known = await order_numbers(place)
    await at.plug_in(outlet)
    await at.settle(START_S)
    await asyncio.to_thread(Guest(web_url).start, place.codes[outlet - 1])
    await at.wait_for_remote_start(outlet, START_S)
    await at.charge(outlet, energy_wh=energy_wh, timeout_s=ORDER_S)
    await at.stop_local(outlet)
    await at.unplug(outlet)
    await at.settle(START_S)
    fresh = await order_numbers(place) - known
    for number in fresh:
        order = _dict(await place.operator.aget(f"/api/v1/operator/orders/{number}"))
        if order["started_by"] == "guest":
            return number
    raise WaitedTooLong(f"No guest's order at {place.identity}.")
