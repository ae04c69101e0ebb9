import asyncio

import pytest

from simulators.errors import WaitedTooLong
from simulators.journal import EVENTS_KEPT_MAX, Journal


def test_events_are_numbered_kept_and_told():
    told = []
    journal = Journal("CP1", told.append)
    journal.add("connected", url="x")
    journal.add("booted")

    assert [event.name for event in told] == ["connected", "booted"]
    assert [event.number for event in journal.all()] == [1, 2]
    assert journal.all("booted")[0].number == journal.last_number
    shown = journal.all("connected")[0].as_json()
    assert shown["source"] == "CP1"
    assert shown["event"] == "connected"
    assert shown["url"] == "x"
    assert shown["at"].endswith("Z")


def test_the_oldest_events_go_beyond_the_limit():
    journal = Journal("CP1")
    for _ in range(EVENTS_KEPT_MAX + 1):
        journal.add("beat")

    assert len(journal.all()) == EVENTS_KEPT_MAX
    assert journal.all()[0].number == 2


@pytest.mark.asyncio
async def test_waiting_finds_what_happened_already():
    journal = Journal("CP1")
    journal.add("booted", status="Pending")
    journal.add("booted", status="Accepted")

    event = await journal.wait_for(
        "booted", timeout_s=1, where=lambda each: each.data["status"] == "Accepted"
    )
    assert event.number == 2


@pytest.mark.asyncio
async def test_waiting_ends_when_a_thread_writes_the_event():
    journal = Journal("CP1")
    waiting = asyncio.ensure_future(journal.wait_for("claimed", timeout_s=5))
    await asyncio.sleep(0)
    await asyncio.to_thread(journal.add, "other")
    await asyncio.to_thread(journal.add, "claimed", order="A")
    await asyncio.to_thread(journal.add, "claimed", order="B")

    assert (await waiting).data["order"] == "A"


@pytest.mark.asyncio
async def test_waiting_too_long_says_what_came_instead():
    journal = Journal("CP1")
    journal.add("booted")

    with pytest.raises(WaitedTooLong, match=r"'booted' within .*: booted"):
        await journal.wait_for("booted", timeout_s=0.01, after=1)
