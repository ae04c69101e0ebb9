"""A stock 1.6 station, written on the `ocpp` package alone, charges without a card."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import pytest
import websockets
from ocpp.v16 import ChargePoint, call

from simulators.demo import report, scenes

pytestmark = pytest.mark.e2e
START_WH, ENERGY_WH = 1000, 250


def ago(seconds):
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def meter_values(transaction_id):
    sample = {"value": str(START_WH + 100)}
    return call.MeterValues(
        connector_id=1,
        transaction_id=transaction_id,
        meter_value=[{"timestamp": ago(40), "sampled_value": [sample]}],
    )


async def charge(station, token):
    booted = await station.call(call.BootNotification("One", "Stock"))
    assert booted.status == "Accepted"
    await station.call(call.StatusNotification(1, "NoError", "Preparing"))
    asked = await station.call(call.Authorize(token))
    assert asked.id_tag_info["status"] == "Accepted"
    begun = await station.call(call.StartTransaction(1, token, START_WH, ago(90)))
    assert begun.id_tag_info["status"] == "Accepted"
    await station.call(meter_values(begun.transaction_id))
    await station.call(
        call.StopTransaction(START_WH + ENERGY_WH, ago(1), begun.transaction_id)
    )
    await station.call(call.StatusNotification(1, "NoError", "Available"))


async def run(town, place):
    known = await scenes.order_numbers(place)
    pair = base64.b64encode(f"{place.identity}:{place.password}".encode()).decode()
    async with websockets.connect(
        f"{town.system.ocpp_url}/{place.identity}",
        subprotocols=["ocpp1.6"],
        additional_headers={"Authorization": f"Basic {pair}"},
    ) as socket:
        station = ChargePoint(place.identity, socket)
        reader = asyncio.create_task(station.start())
        await charge(station, place.token)
        number = await scenes.newest_order(place, known=known)
        await scenes.until_final(place.operator, number)
        reader.cancel()
    return number


def test_a_stock_station_charges_by_token_and_is_owed_for(town):
    place = town.places["S-16"]

    number = asyncio.run(run(town, place))

    row = report.order_row(place.operator, number, {"S-16": "1.6"})
    ledger = town.system.manage("ledger_verify")
    assert row["energy_wh"] == ENERGY_WH, row
    assert row["started_by"] == "token", row
    # Its token belongs to no driver with a card: the operator bills it itself.
    assert row["payment_state"] == "RECEIVABLE", row
    assert row["amount_minor"] > 0, row
    assert row["captured_minor"] == 0, row
    assert row["payee_account"] in town.accounts.values(), row
    assert ledger["exit_code"] == 0, ledger
