"""A 2.0.1 charge whose line drops at every step: told twice, late, in any order.

Whatever happens to the line, the books say one charge, one order and the energy that
flowed (blocks E and J: events are kept, marked as offline and sent again under their
sequence numbers until they were answered).
"""

import asyncio
import itertools
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from charge_points.models import Connector, QuirkCount, Transaction
from tests.conformance.charging import allow
from tests.conformance.cut_lines import (
    CARD,
    MOMENTS,
    ONE_CHARGE,
    Books,
    Line,
    books_of,
    one_charge,
    shop,
    stamp,
    stations,
)
from tests.conformance.gateways import serving
from tests.conformance.stations import Station
from tests.integration.gateway.world import run

pytestmark = pytest.mark.django_db(transaction=True)
V201 = "2.0.1"
TOKEN = {"idToken": CARD, "type": "ISO14443"}


def status(word, at):
    return "StatusNotification", {
        "timestamp": stamp(at),
        "connectorStatus": word,
        "evseId": 1,
        "connectorId": 1,
    }


def event(number, kind, trigger, at, *, name="tx-1", wh=None, context=None, **more):
    """A TransactionEvent; ``wh`` is the register."""
    info = {"transactionId": name}
    for key in ("chargingState", "stoppedReason"):
        if key in more:
            info[key] = more.pop(key)
    payload = {
        "eventType": kind,
        "timestamp": stamp(at),
        "triggerReason": trigger,
        "seqNo": number,
        "transactionInfo": info,
        "evse": {"id": 1, "connectorId": 1},
        **more,
    }
    if wh is not None:
        sample = {"value": wh, **({"context": context} if context else {})}
        payload["meterValue"] = [{"timestamp": stamp(at), "sampledValue": [sample]}]
    return "TransactionEvent", payload


def events(at, name="tx-1", wh=5_000):
    """The events of a charge that begins with the cable: 3 kWh."""

    def after(seconds):
        return at + timedelta(seconds=seconds)

    periodic = {"context": "Sample.Periodic", "name": name}
    return [
        event(
            0, "Started", "CablePluggedIn", at, name=name, chargingState="EVConnected"
        ),
        event(
            *(1, "Updated", "Authorized", after(5)),
            name=name,
            idToken=TOKEN,
            wh=wh,
            context="Transaction.Begin",
        ),
        event(
            *(2, "Updated", "ChargingStateChanged", after(6)),
            name=name,
            chargingState="Charging",
        ),
        event(3, "Updated", "MeterValuePeriodic", after(15), wh=wh + 1_000, **periodic),
        event(4, "Updated", "MeterValuePeriodic", after(25), wh=wh + 2_000, **periodic),
        event(
            *(5, "Updated", "StopAuthorized", after(34)),
            name=name,
            idToken=TOKEN,
            chargingState="EVConnected",
        ),
        event(
            *(6, "Ended", "EVCommunicationLost", after(44)),
            name=name,
            chargingState="Idle",
            stoppedReason="Local",
            wh=wh + 3_000,
            context="Transaction.End",
        ),
    ]


def plug_in_to_unplug(at):
    """Each message of a charge, in order."""
    told = events(at)
    return [
        status("Occupied", at),
        told[0],
        ("Authorize", {"idToken": TOKEN}),
        *told[1:],
        status("Available", at + timedelta(seconds=45)),
    ]


def a_minute_ago():
    return timezone.now() - timedelta(seconds=60)


STEPS = len(plug_in_to_unplug(timezone.now()))


def play(redis_url, settings, count, scenario):
    """Run ``scenario(line, number)`` for so many stations at one gateway."""
    found = stations(shop(), V201, count)
    connection.close()

    async def main():
        async with serving(redis_url, settings) as world:
            lines = [Line(world, station.identity, V201) for station in found]
            for line in lines:
                await line.up()
            played = enumerate(lines)
            await asyncio.gather(*(scenario(line, number) for number, line in played))
            for line in lines:
                await line.down()

    run(main())
    return found


def connector_of(station):
    return Connector.objects.get(charge_point_id=station.id, evse_number=1)


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_line_drops_at_every_step_of_a_charge(moment, redis_url, settings):
    async def scenario(line, cut_at):
        for step, (action, payload) in enumerate(plug_in_to_unplug(a_minute_ago())):
            if step == cut_at:
                await line.tell_over_a_cut(action, payload, moment)
            else:
                await line.tell(action, payload)

    for station in play(redis_url, settings, STEPS, scenario):
        assert books_of(station) == one_charge(3_000)
        assert connector_of(station).status == "available"
    assert not QuirkCount.objects.filter(quirk="seq_no_gap").exists()


def test_every_message_comes_twice_under_one_id(redis_url, settings):
    async def scenario(line, _):
        for step, (action, payload) in enumerate(plug_in_to_unplug(a_minute_ago())):
            first = await line.tell(action, payload, f"id-{step}")
            again = await line.tell(action, payload, f"id-{step}")
            told = (first.get("idTokenInfo"), again.get("idTokenInfo"))
            assert told[0] == told[1] or told[0]["status"] == told[1]["status"]

    (station,) = play(redis_url, settings, 1, scenario)
    assert books_of(station) == one_charge(3_000)


def test_the_whole_charge_is_told_again_after_a_reconnect(redis_url, settings):
    """A station that kept nothing of the answers: under new ids, from the start."""

    async def scenario(line, _):
        told = plug_in_to_unplug(a_minute_ago())
        for _ in range(3):
            for action, payload in told:
                await line.tell(action, payload)
            line.cut()
            await line.up()

    (station,) = play(redis_url, settings, 1, scenario)
    assert books_of(station) == one_charge(3_000)


def test_what_was_queued_comes_after_what_is_new(redis_url, settings):
    """From each step on: the state first, then what was kept, marked as offline."""

    async def scenario(line, offline_from):
        told = plug_in_to_unplug(a_minute_ago())
        for action, payload in told[:offline_from]:
            await line.tell(action, payload)
        line.cut()
        await line.up()
        await line.tell(*told[-1])
        for action, payload in told[offline_from:-1]:
            if action == "TransactionEvent":
                await line.tell(action, {**payload, "offline": True})

    for station in play(redis_url, settings, STEPS, scenario):
        assert books_of(station) == one_charge(3_000)
        assert connector_of(station).status == "available"


def test_the_next_charge_is_told_before_the_queued_end_of_the_last(redis_url, settings):
    async def scenario(line, _):
        at = a_minute_ago()
        first = events(at)
        second = events(at + timedelta(seconds=50), "tx-2", wh=8_000)
        for action, payload in first[:4]:
            await line.tell(action, payload)
        line.cut()
        await line.up()
        for action, payload in second[:4]:
            await line.tell(action, payload)
        for action, payload in first[4:]:
            await line.tell(action, {**payload, "offline": True})
        for action, payload in second[4:]:
            await line.tell(action, payload)

    (station,) = play(redis_url, settings, 1, scenario)
    assert books_of(station) == Books(
        [("ended", 3_000, ""), ("ended", 3_000, "")],
        [3_000, 3_000],
        # The first was closed from its last sample when the second began.
        ONE_CHARGE * 2,
    )


def test_charges_that_nobody_heard_of_are_told_hours_later(redis_url, settings):
    async def scenario(line, _):
        at = timezone.now() - timedelta(hours=3)
        line.cut()
        await line.up()
        for hours, name, wh in ((0, "tx-1", 5_000), (1, "tx-2", 8_000)):
            for action, payload in events(at + timedelta(hours=hours), name, wh):
                await line.tell(action, {**payload, "offline": True})

    (station,) = play(redis_url, settings, 1, scenario)
    assert books_of(station) == Books(
        [("ended", 3_000, ""), ("ended", 3_000, "")], [3_000, 3_000], ONE_CHARGE * 2
    )
    rows = Transaction.objects.filter(charge_point_id=station.id)
    assert all(row.offline for row in rows)


@pytest.mark.parametrize("lost", range(7))
def test_an_event_that_never_comes_is_counted_and_costs_nobody_a_charge(lost):
    """Each event of a charge is lost for ever: what the others say is enough."""
    station = Station(V201)
    allow(station, CARD)
    begun = station.now
    station.later(60)
    told = events(begun)
    if lost == 1:
        # The token comes with the begin of the charge only once: here the stop has it.
        told[2][1]["meterValue"] = told[1][1]["meterValue"]
    for action, payload in told[:lost] + told[lost + 1 :]:
        station.call(action, payload)
        station.later(1)

    row = Transaction.objects.get(charge_point_id=station.id)
    energy_wh = {6: None}.get(lost, 3_000)
    assert (row.energy_wh, row.review_reason) == (energy_wh, "")
    assert (row.started_by, row.state) == ("token", "active" if lost == 6 else "ended")
    assert set(station.quirks) == ({"seq_no_gap"} if 0 < lost < 6 else set())


ORDERS = list(itertools.permutations((0, 1, 3, 6)))


def test_in_whatever_order_the_events_of_a_charge_arrive():
    """Plug-in, token, values and end: 24 orders and repeats, one charge."""
    for order in ORDERS:
        station = Station(V201)
        allow(station, CARD)
        begun = station.now
        station.later(60)
        told = events(begun)
        for one in (*order, order[0]):
            station.call(*told[one])
            station.later(1)
        row = Transaction.objects.get(charge_point_id=station.id)
        kept = (row.state, row.energy_wh, row.review_reason, row.started_by)
        assert kept == ("ended", 3_000, "", "token"), order
        assert row.started_at == begun, order
        assert row.ended_at == begun + timedelta(seconds=44), order


def test_a_sequence_number_with_another_content_is_counted_and_changes_nothing():
    station = Station(V201)
    allow(station, CARD)
    begun = station.now
    station.later(60)
    told = events(begun)
    for action, payload in told:
        station.call(action, payload)
    action, payload = event(6, "Ended", "Deauthorized", station.now, wh=99_000)
    station.call(action, payload)

    assert Transaction.objects.get().energy_wh == 3_000
    assert "repeated_event_differs" in station.quirks
