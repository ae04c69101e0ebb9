"""Costs on the station's own display: from the meter values to the wire."""

from datetime import timedelta
from decimal import Decimal

import orjson
import pytest
from django.utils import timezone

from billing.services import running_costs
from charge_points.handlers.tables import all_tables
from charge_points.models import ChargePoint, Command, Transaction
from charge_points.ocpp.schemas import validate_call
from charge_points.services import tariff_texts
from charge_points.services.facts import VariableFact
from charge_points.services.variables import record
from cpms.accounts.models import Driver, Operator
from tests.factories import network
from tests.integration.billing.world import MINUTE, fresh
from tests.outbox import drain

TABLES = all_tables()
COSTS = (tariff_texts.COST_UPDATED, tariff_texts.COST_MESSAGE)


def speaks_cost_messages(world):
    ChargePoint.objects.update(speaks_cost_messages=True)


def knows_costs(world):
    fact = VariableFact(component="TariffCostCtrlr", variable="Enabled", value="true")
    record(**world.station.who, facts=[fact], source="test", at=timezone.now())


def shown(version):
    """What goes out to the station's display, checked by the schema."""
    told = []
    for row in Command.objects.filter(intent__in=COSTS).order_by("pk"):
        action, payload = TABLES[version].translate(row.intent, row.arguments)
        assert validate_call(version, action, payload) is None
        told.append((action, payload))
    return told


def messages():
    return [
        (payload["messageId"], orjson.loads(payload["data"]))
        for action, payload in shown("1.6")
        if action == "DataTransfer"
    ]


def test_the_running_cost_reaches_a_station_that_knows_costs(world):
    knows_costs(world)
    _, charge = world.charging()
    Transaction.objects.update(ocpp_version="2.0.1")
    charge.meter(4_000, charge.started_at + 20 * MINUTE)
    drain()

    assert running_costs.tell_costs(at=timezone.now()) == 1

    # 4 kWh at 0.50 and 19 % tax.
    ((action, payload),) = shown("2.0.1")
    assert action == "CostUpdated"
    assert Decimal(str(payload["totalCost"])) == Decimal("2.38")
    assert payload["transactionId"] == Transaction.objects.get().ocpp_id


def test_the_same_cost_is_not_told_twice_and_a_new_one_is(world):
    knows_costs(world)
    _, charge = world.charging()
    Transaction.objects.update(ocpp_version="2.0.1")
    charge.meter(4_000, charge.started_at + 20 * MINUTE)
    now = timezone.now()

    told = [running_costs.tell_costs(at=now)]
    told.append(running_costs.tell_costs(at=now + timedelta(seconds=1)))
    told.append(running_costs.tell_costs(at=now + timedelta(seconds=40)))
    charge.meter(5_000, charge.started_at + 25 * MINUTE)
    told.append(running_costs.tell_costs(at=now + timedelta(seconds=80)))

    assert told == [1, 0, 0, 1]


def test_a_station_that_shows_no_costs_is_never_asked(world):
    _, charge = world.charging()
    charge.meter(4_000, charge.started_at + 20 * MINUTE)

    assert running_costs.tell_costs(at=timezone.now()) == 0

    world.finish(charge)
    assert shown("1.6") == []


def test_a_driver_of_a_speaking_station_reads_price_cost_and_bill(world):
    speaks_cost_messages(world)
    token = network.token(operator=world.operator, driver=world.driver)
    charge = world.station.start(token)
    drain()
    charge.meter(4_000, charge.started_at + 20 * MINUTE)
    assert running_costs.tell_costs(at=timezone.now()) == 1
    world.finish(charge, 10_000)

    names = [name for name, _ in messages()]
    assert names == ["SetUserPrice", "RunningCost", "FinalCost"]
    (_, price), (_, running), (_, bill) = messages()
    assert price["idToken"] == token
    assert "0.595 EUR per kWh" in price["priceText"]
    assert (running["cost"], bill["cost"]) == (2.38, 5.95)


def test_the_display_speaks_the_drivers_language(world):
    speaks_cost_messages(world)
    Driver.objects.filter(pk=world.driver.pk).update(locale="de")
    charge = world.station.start(
        network.token(operator=world.operator, driver=world.driver)
    )
    drain()
    world.finish(charge, 10_000)
    (_, price), (_, bill) = messages()
    assert price["priceText"] == (
        "Energie: 0,595 EUR pro kWh. Preise inklusive Steuern."
    )
    assert bill["priceText"] == "Summe 5,95 EUR"


def test_a_display_speaks_the_operators_language_to_strangers(world):
    speaks_cost_messages(world)
    Operator.objects.filter(pk=world.operator.pk).update(default_language="zh-hans")
    charge = world.station.start(network.token(operator=world.operator))
    drain()
    world.finish(charge, 10_000)
    texts = [data["priceText"] for _, data in messages()]
    assert texts[0].startswith("电量")
    assert texts[-1] == "合计 5.95 EUR"


@pytest.mark.parametrize("bill_first", [True, False])
def test_the_bill_ends_the_running_cost(world, bill_first):
    speaks_cost_messages(world)
    order, charge = world.charging()
    if not bill_first:
        running_costs.tell_costs(at=timezone.now())
    world.finish(charge)

    assert running_costs.tell_costs(at=timezone.now() + 2 * MINUTE) == 0
    assert Transaction.objects.get().running_cost_minor == fresh(order).amount_minor
