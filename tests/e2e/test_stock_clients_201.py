"""A stock 2.0.1 station, written on the `ocpp` package alone, charges and is paid."""

import asyncio
import base64
import secrets
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import websockets
from ocpp.v201 import ChargePoint, call

from simulators.demo import report, scenes
from simulators.demo.provider import Provider

pytestmark = pytest.mark.e2e
PLACE = "S-202"
START_WH, ENERGY_WH = 1000, 250


def ago(seconds):
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


class Charge:
    """The events of one transaction, as a station numbers them."""

    def __init__(self, station, token):
        self.station, self.id, self.seq_no = station, str(uuid.uuid4()), -1
        self.id_token = {"id_token": token, "type": "ISO14443"}

    async def event(self, kind, trigger, seconds, energy_wh, **more):
        self.seq_no += 1
        sample = {"value": START_WH + energy_wh, "context": more.pop("context")}
        return await self.station.call(
            call.TransactionEvent(
                event_type=kind,
                timestamp=ago(seconds),
                trigger_reason=trigger,
                seq_no=self.seq_no,
                transaction_info={"transaction_id": self.id, **more.pop("info", {})},
                evse={"id": 1, "connector_id": 1},
                meter_value=[{"timestamp": ago(seconds), "sampled_value": [sample]}],
                **more,
            )
        )


async def status(station, word):
    await station.call(call.StatusNotification(ago(0), word, 1, 1))


async def charge(station, token):
    booted = await station.call(
        call.BootNotification({"model": "One", "vendor_name": "Stock"}, "PowerUp")
    )
    assert booted.status == "Accepted"
    await status(station, "Occupied")
    one = Charge(station, token)
    asked = await station.call(call.Authorize(one.id_token))
    assert asked.id_token_info["status"] == "Accepted"
    begun = await one.event(
        "Started",
        "Authorized",
        90,
        0,
        context="Transaction.Begin",
        info={"charging_state": "Charging"},
        id_token=one.id_token,
    )
    assert begun.id_token_info["status"] == "Accepted"
    await one.event("Updated", "MeterValuePeriodic", 40, 100, context="Sample.Periodic")
    await one.event(
        "Ended",
        "StopAuthorized",
        1,
        ENERGY_WH,
        context="Transaction.End",
        info={"stopped_reason": "Local"},
        id_token=one.id_token,
    )
    await status(station, "Available")


async def run(town, place, token):
    known = await scenes.order_numbers(place)
    pair = base64.b64encode(f"{place.identity}:{place.password}".encode()).decode()
    async with websockets.connect(
        f"{town.system.ocpp_url}/{place.identity}",
        subprotocols=["ocpp2.0.1"],
        additional_headers={"Authorization": f"Basic {pair}"},
    ) as socket:
        station = ChargePoint(place.identity, socket)
        reader = asyncio.create_task(station.start())
        await charge(station, token)
        number = await scenes.newest_order(place, known=known)
        await scenes.until_final(place.operator, number)
        reader.cancel()
    return number


def test_a_stock_station_charges_by_a_drivers_token_and_is_paid(town):
    place = town.places[PLACE]
    driver = scenes.open_account(town.system.web_url, "stock")
    token = secrets.token_hex(7).upper()
    told = town.system.manage(
        *("create_id_token", "--token", token, "--status", "accepted"),
        *("--driver", driver.email),
    )
    assert told["exit_code"] == 0, told

    number = asyncio.run(run(town, place, token))

    row = report.order_row(place.operator, number, {PLACE: "2.0.1"})
    ledger = town.system.manage("ledger_verify")
    books = Provider(town.system.psp_url, town.system.psp_key).books()
    assert row["energy_wh"] == ENERGY_WH, row
    assert (row["started_by"], row["payment_state"]) == ("token", "CAPTURED"), row
    assert row["captured_minor"] == row["amount_minor"] > 0, row
    assert row["payee_account"] in town.accounts.values(), row
    # Whatever other tests charged, this account holds at least this payment.
    theirs = books["accounts"][row["payee_account"]]["eur"]["captured_minor"]
    assert theirs >= row["captured_minor"]
    assert ledger["exit_code"] == 0, ledger
