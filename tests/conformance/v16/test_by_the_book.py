"""A 1.6 charge whose line drops at every step: told twice, late, in any order.

Whatever happens to the line, the books say one charge, one order and the energy that
flowed (specification chapters 3.7 and 4.7 to 4.10: what concerns a transaction is kept
and sent again until it was answered).
"""

import asyncio
import itertools
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from charge_points.models import Connector, QuirkCount, SecurityEvent, Transaction
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
V16 = "1.6"
BEGIN_WH = 5_000
END_WH = 8_000


def status(word, at, connector=1):
    return "StatusNotification", {
        "connectorId": connector,
        "errorCode": "NoError",
        "status": word,
        "timestamp": stamp(at),
    }


def values(number, wh, at):
    return "MeterValues", {
        "connectorId": 1,
        "transactionId": number,
        "meterValue": [
            {
                "timestamp": stamp(at),
                "sampledValue": [{"value": str(wh), "unit": "Wh"}],
            }
        ],
    }


def start(at, card=CARD, wh=BEGIN_WH):
    return "StartTransaction", {
        "connectorId": 1,
        "idTag": card,
        "meterStart": wh,
        "timestamp": stamp(at),
    }


def stop(number, at, wh=END_WH, card=CARD):
    return "StopTransaction", {
        "transactionId": number,
        "idTag": card,
        "meterStop": wh,
        "timestamp": stamp(at),
        "reason": "Local",
    }


def plug_in_to_unplug(number):
    """Each message of a charge; ``number`` is what the start was answered."""
    at = timezone.now() - timedelta(seconds=60)
    steps = [
        lambda: status("Preparing", at),
        lambda: ("Authorize", {"idTag": CARD}),
        lambda: start(at + timedelta(seconds=5)),
        lambda: status("Charging", at + timedelta(seconds=6)),
        lambda: values(number(), 6_000, at + timedelta(seconds=15)),
        lambda: values(number(), 7_000, at + timedelta(seconds=25)),
        lambda: stop(number(), at + timedelta(seconds=35)),
        lambda: status("Finishing", at + timedelta(seconds=36)),
        lambda: status("Available", at + timedelta(seconds=45)),
    ]
    return [lambda step=step: step() for step in steps]


STEPS = len(plug_in_to_unplug(None))


async def charge(line, tell, steps=range(STEPS)):
    """Play a charge; ``tell(step, action, payload)`` returns each answer."""
    number = []
    for step, message in enumerate(plug_in_to_unplug(lambda: number[-1])):
        action, payload = message()
        if step not in steps:
            continue
        answer = await tell(step, action, payload)
        if action == "StartTransaction":
            number.append(answer["transactionId"])
    await line.down()


def play(redis_url, settings, count, scenario):
    """Run ``scenario(line, number)`` for so many stations at one gateway."""
    found = stations(shop(), V16, count)
    connection.close()

    async def main():
        async with serving(redis_url, settings) as world:
            lines = [Line(world, station.identity, V16) for station in found]
            for line in lines:
                await line.up()
            played = enumerate(lines)
            await asyncio.gather(*(scenario(line, number) for number, line in played))

    run(main())
    return found


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_line_drops_at_every_step_of_a_charge(moment, redis_url, settings):
    async def scenario(line, cut_at):
        async def tell(step, action, payload):
            if step == cut_at:
                return await line.tell_over_a_cut(action, payload, moment)
            return await line.tell(action, payload)

        await charge(line, tell)

    for station in play(redis_url, settings, STEPS, scenario):
        assert books_of(station) == one_charge(3_000)
        connector = Connector.objects.get(charge_point_id=station.id, evse_number=1)
        assert connector.status == "available"
    assert not SecurityEvent.objects.filter(kind="foreign_transaction").exists()


def test_every_message_comes_twice_under_one_id(redis_url, settings):
    async def scenario(line, _):
        async def tell(step, action, payload):
            first = await line.tell(action, payload, f"id-{step}")
            again = await line.tell(action, payload, f"id-{step}")
            assert again == first
            return again

        await charge(line, tell)

    (station,) = play(redis_url, settings, 1, scenario)
    assert books_of(station) == one_charge(3_000)


def test_the_whole_charge_is_told_again_after_a_reconnect(redis_url, settings):
    """A station that kept nothing of the answers: under new ids, from the start."""

    async def scenario(line, _):
        told = []

        async def tell(step, action, payload):
            told.append((action, payload, await line.tell(action, payload)))
            return told[-1][2]

        await charge(line, tell)
        for _ in range(2):
            await line.up()
            for action, payload, answer in told:
                if action != "StopTransaction":
                    assert await line.tell(action, payload) == answer
                else:
                    await line.tell(action, payload)
            line.cut()

    (station,) = play(redis_url, settings, 1, scenario)
    assert books_of(station) == one_charge(3_000)


def test_what_was_queued_comes_after_what_is_new(redis_url, settings):
    """From each step on: the station tells its state first, then what it had kept."""

    async def scenario(line, offline_from):
        kept = []

        async def tell(step, action, payload):
            if step < offline_from:
                return await line.tell(action, payload)
            if step == offline_from:
                line.cut()
            kept.append((action, payload))
            # Without an answer the station goes on with what it has.
            return {"transactionId": -1}

        await charge(line, tell)
        await line.up()
        number = None
        statuses = [one for one in kept if one[0] == "StatusNotification"]
        others = [one for one in kept if one[0] != "StatusNotification"]
        for action, payload in statuses + others:
            if payload.get("transactionId") == -1 and number is not None:
                payload["transactionId"] = number
            answer = await line.tell(action, payload)
            number = answer.get("transactionId", number)
        await line.down()

    for station in play(redis_url, settings, STEPS, scenario):
        assert books_of(station) == one_charge(3_000)
        connector = Connector.objects.get(charge_point_id=station.id, evse_number=1)
        assert connector.status == "available"


def test_the_next_charge_is_told_before_the_queued_end_of_the_last(redis_url, settings):
    async def scenario(line, _):
        at = timezone.now() - timedelta(seconds=60)

        def after(seconds):
            return at + timedelta(seconds=seconds)

        first = (await line.tell(*start(at)))["transactionId"]
        await line.tell(*values(first, 5_500, after(5)))
        line.cut()
        await line.up()
        second = (await line.tell(*start(after(30), wh=END_WH)))["transactionId"]
        await line.tell(*values(second, 8_500, after(40)))
        await line.tell(*values(first, 7_000, after(15)))
        await line.tell(*stop(first, after(25)))
        await line.tell(*stop(second, after(50), wh=9_000))
        await line.down()

    (station,) = play(redis_url, settings, 1, scenario)
    assert books_of(station) == Books(
        [("ended", 3_000, ""), ("ended", 1_000, "")],
        [3_000, 1_000],
        # The first was closed from its last sample when the second began.
        ONE_CHARGE * 2,
    )


def test_a_charge_that_nobody_heard_of_is_told_hours_later(redis_url, settings):
    """Begun and ended without a line: no answer was ever known, so the id is -1."""

    async def scenario(line, _):
        at = timezone.now() - timedelta(hours=3)
        line.cut()
        await line.up()
        for action, payload in (
            start(at),
            values(-1, 6_000, at + timedelta(minutes=10)),
            stop(-1, at + timedelta(minutes=30)),
            start(at + timedelta(hours=1), wh=END_WH),
            stop(-1, at + timedelta(hours=2), wh=9_500),
        ):
            await line.tell(action, payload)
        await line.down()

    (station,) = play(redis_url, settings, 1, scenario)
    assert books_of(station) == Books(
        [("ended", 3_000, ""), ("ended", 1_500, "")], [3_000, 1_500], ONE_CHARGE * 2
    )
    assert set(
        Transaction.objects.filter(charge_point_id=station.id).values_list(
            "offline", flat=True
        )
    ) == {True}


def test_a_start_whose_answer_was_lost_for_ever_is_stopped_without_its_id(
    redis_url, settings
):
    async def scenario(line, _):
        at = timezone.now() - timedelta(seconds=60)
        await line.tell(*start(at))  # answered, and forgotten at a power loss
        line.cut()
        await line.up()
        await line.tell(*stop(0, at + timedelta(seconds=40)))
        await line.down()

    (station,) = play(redis_url, settings, 1, scenario)
    assert books_of(station) == one_charge(3_000)


ORDERS = list(itertools.permutations(range(4)))


def test_in_whatever_order_the_rest_of_a_charge_arrives():
    """Two meter values, a repeat of one, and the stop: 24 orders, one energy."""
    for order in ORDERS:
        station = Station(V16)
        allow(station, CARD)
        begun = station.now
        number = station.call(*start(begun))["transactionId"]
        station.later(60)
        told = [
            values(number, 6_000, begun + timedelta(seconds=20)),
            values(number, 7_000, begun + timedelta(seconds=30)),
            values(number, 6_000, begun + timedelta(seconds=20)),
            stop(number, begun + timedelta(seconds=50)),
        ]
        for one in order:
            station.call(*told[one])
            station.later(1)
        row = Transaction.objects.get(charge_point_id=station.id)
        assert (row.state, row.energy_wh, row.review_reason) == ("ended", 3_000, "")
        assert row.ended_at == begun + timedelta(seconds=50)


@pytest.mark.parametrize("wh", [7_000, 9_000])
def test_a_second_stop_with_another_register_is_counted_and_changes_nothing(wh):
    station = Station(V16)
    allow(station, CARD)
    begun = station.now
    number = station.call(*start(begun))["transactionId"]
    station.later(60)
    station.call(*stop(number, begun + timedelta(seconds=50)))
    station.call(*stop(number, begun + timedelta(seconds=55), wh=wh))

    assert Transaction.objects.get().energy_wh == 3_000
    assert QuirkCount.objects.get().quirk == "repeated_stop_differs"
