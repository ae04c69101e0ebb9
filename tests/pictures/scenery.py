"""A small operator with some days of business behind it and a charge under way."""

import json
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from billing.models import Order, Tariff
from billing.services import guests
from charge_points.models import ChargePoint, Command, Site
from tests.factories import network
from tests.integration.billing.world import World, fresh
from tests.integration.charge_points.admin_world import note
from tests.outbox import drain

NAME = "Nordlicht Laden"
SITES = (
    ("Hafen", "Kiel", "54.3213", "10.1394"),
    ("Markt", "Kiel", "54.3233", "10.1228"),
)
CHARGES = 14


@dataclass
class Scenery:
    """What the pictures show."""

    world: World
    order: str
    live: str
    receipt: str
    stations: tuple[network.Station, ...]


def build(world: World) -> Scenery:
    """Fill the world; the same each time, but for the times."""
    dice = random.Random(7)
    world.operator.name = NAME
    world.operator.save(update_fields=["name"])
    stations = (world.station, network.station(world.operator, power_w=50_000))
    stations += (network.station(world.operator, online=False),)
    _places(stations)
    orders = []
    for number in reversed(range(CHARGES)):
        at = timezone.now() - timedelta(hours=9 * number + 3)
        orders.append(_charge(world, stations[number % 2], dice, at))
    _told(stations[0])
    Tariff.objects.update(name="Day and night")
    stations[1].status("faulted", evse=2)
    stations[0].status("preparing", evse=2)
    order = fresh(world.claim(stations[0].certificate()))
    drain()
    started = timezone.now() - timedelta(minutes=31)
    running = stations[0].start(order.number, started)
    stations[0].status("charging")
    drain()
    for minute in range(1, 31):
        at = started + timedelta(minutes=minute)
        power_w = 21_800 - 260 * max(0, minute - 12)
        running.meter(minute * 330, at, power_w=power_w)
    Command.objects.filter(state="queued").update(
        state="accepted", sent_at=started, answered_at=started
    )
    return Scenery(
        world,
        orders[-1].number,
        guests.live_token(order.number),
        guests.live_token(orders[-1].number),
        stations,
    )


def _places(stations: tuple[network.Station, ...]) -> None:
    site = Site.objects.get()
    name, city, latitude, longitude = SITES[0]
    Site.objects.filter(pk=site.pk).update(
        name=name, city=city, latitude=latitude, longitude=longitude
    )
    name, city, latitude, longitude = SITES[1]
    site.pk = None
    site.name, site.city = name, city
    site.latitude, site.longitude = latitude, longitude
    site.save()
    kinds = (("Alpitronic", "HYC50"), ("ABB", "Terra AC"), ("KEBA", "P30"))
    for row, (vendor, model) in zip(stations, kinds, strict=True):
        ChargePoint.objects.filter(pk=row.id).update(
            vendor=vendor, model=model, ocpp_version="1.6", firmware_version="2.4.1"
        )
    now = timezone.now()
    ChargePoint.objects.filter(pk__in=[each.id for each in stations]).update(
        connected_at=now - timedelta(days=6), last_boot_at=now - timedelta(days=6)
    )
    ChargePoint.objects.filter(pk=stations[2].id).update(
        site=site, disconnected_at=now - timedelta(hours=2)
    )


def _charge(world: World, station: network.Station, dice: Any, at: Any) -> Any:
    order = world.claim(station.certificate(at=None))
    drain()
    charge = station.start(fresh(order).number, at)
    drain()
    minutes, power_w = dice.randint(25, 70), dice.randint(9_000, 21_000)
    for minute in range(2, minutes, 2):
        sunk = max(0, minute - minutes * 2 // 3) * 300
        charge.meter(
            minute * power_w // 60,
            at + timedelta(minutes=minute),
            power_w=power_w - sunk,
        )
    ends_at = at + timedelta(minutes=minutes)
    charge.stop(minutes * power_w // 60, ends_at)
    station.status("available", ends_at + timedelta(minutes=2))
    drain()
    Order.objects.filter(pk=order.pk).update(created_at=at - timedelta(minutes=1))
    return fresh(order)


def _told(station: network.Station) -> None:
    now = timezone.now()
    sent: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
        (
            "BootNotification",
            {"chargePointVendor": "Alpitronic", "chargePointModel": "HYC50"},
            {"status": "Accepted", "interval": 300},
        ),
        ("StatusNotification", {"connectorId": 1, "status": "Preparing"}, {}),
        ("Heartbeat", {}, {"currentTime": now.isoformat()}),
        (
            "StartTransaction",
            {"connectorId": 1, "meterStart": 1000},
            {"transactionId": 9},
        ),
        ("MeterValues", {"connectorId": 1, "transactionId": 9}, {}),
    )
    for number, (action, payload, answer) in enumerate(sent):
        at = now - timedelta(minutes=40 - number)
        note(station, action, payload, at=at, answer=json.dumps(answer))
