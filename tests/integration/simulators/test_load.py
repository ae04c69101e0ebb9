"""The load generator against a server that validates every frame."""

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime

import pytest

from simulators.errors import UnableToEnter, UnableToReach
from simulators.load import Plan, run_load
from simulators.load.runner import UnableToPrepare
from tests.integration.simulators.tls import self_signed_tls

pytestmark = pytest.mark.asyncio


def plan_of(server, **values):
    return Plan(
        **{
            "url": server.url,
            "connections": 3,
            "seconds": 0.3,
            "warmup_s": 0.05,
            "answer_timeout_s": 10.0,
            **values,
        }
    )


@pytest.mark.parametrize(
    ("message", "ocpp"),
    [
        ("heartbeat", "1.6"),
        ("heartbeat", "2.0.1"),
        ("authorize", "1.6"),
        ("authorize", "2.0.1"),
        ("status", "1.6"),
        ("status", "2.0.1"),
        ("meter-values", "1.6"),
        ("transaction-event", "2.0.1"),
        ("charge", "1.6"),
        ("charge", "2.0.1"),
    ],
)
async def test_every_message_is_valid_and_answered(server, message, ocpp):
    report = await run_load(plan_of(server, message=message, ocpp=ocpp))

    assert report.ok, report.errors
    assert report.answers > 10
    assert report.latency_ms["p50"] > 0


async def test_meter_values_belong_to_a_transaction_and_never_repeat(server):
    await run_load(plan_of(server, message="meter-values"))

    for identity in ("CP00001", "CP00002", "CP00003"):
        actions = Counter(server.actions(identity))
        assert actions["BootNotification"] == 1
        assert actions["StartTransaction"] == actions["StopTransaction"] == 1
        meters = server.requests(identity, "MeterValues")
        assert {each["transaction_id"] for each in meters} == {41}
        stamps = [each["meter_value"][0]["timestamp"] for each in meters]
        assert len(set(stamps)) == len(stamps)
        (start,) = server.requests(identity, "StartTransaction")
        (stop,) = server.requests(identity, "StopTransaction")
        assert start["timestamp"] < stamps[0] <= stamps[-1] < stop["timestamp"]
        assert stop["meter_stop"] >= start["meter_start"]


async def test_transaction_events_are_a_chain_without_gaps(server):
    await run_load(plan_of(server, message="transaction-event", connections=1))

    chain = server.requests("CP00001", "TransactionEvent")
    assert [each["seq_no"] for each in chain] == list(range(len(chain)))
    assert chain[0]["event_type"] == "Started"
    assert chain[-1]["event_type"] == "Ended"
    stamps = [each["meter_value"][0]["timestamp"] for each in chain]
    assert len(set(stamps)) == len(stamps)


async def test_a_charge_goes_from_boot_to_unplug_with_energy(server):
    report = await run_load(
        plan_of(server, message="charge", connections=1, seconds=1.5)
    )

    assert report.units > 0
    actions = Counter(server.actions("CP00001"))
    # The run may end while the last charge is being told.
    assert actions["StartTransaction"] - actions["StopTransaction"] in {0, 1}
    assert server.actions("CP00001")[:10] == [
        "BootNotification",
        "StatusNotification",
        "Authorize",
        "StartTransaction",
        "MeterValues",
        "MeterValues",
        "MeterValues",
        "MeterValues",
        "StopTransaction",
        "StatusNotification",
    ]
    start = server.requests("CP00001", "StartTransaction")[0]
    stop = server.requests("CP00001", "StopTransaction")[0]
    assert stop["meter_stop"] - start["meter_start"] == 300
    took = datetime.fromisoformat(stop["timestamp"]) - datetime.fromisoformat(
        start["timestamp"]
    )
    assert 60 <= took.total_seconds() < 61


async def test_parts_can_be_left_out(server):
    plan = plan_of(server, message="meter-values", boot=False, start=False)
    assert (await run_load(plan)).ok

    assert set(server.actions("CP00001")) == {"MeterValues"}
    assert "transaction_id" not in server.requests("CP00001", "MeterValues")[0]

    await run_load(replace(plan, start=True, finish=False, identity_prefix="XX"))
    assert set(server.actions("XX00001")) == {"StartTransaction", "MeterValues"}


async def test_a_rate_is_kept(server):
    report = await run_load(plan_of(server, rate=100.0, seconds=0.5))

    assert report.ok, report.errors
    # Fewer on a machine that is busy elsewhere, but never more.
    assert 0 < report.answers <= 70


async def test_a_rate_that_nobody_can_keep_shows_in_the_latency(server):
    report = await run_load(
        plan_of(server, rate=1_000_000.0, connections=1, seconds=0.2, warmup_s=0.0)
    )

    # Calls wait for the only connection: late by a good part of the run, however
    # slowly this machine begins it.
    assert report.latency_ms["max"] > 20


@pytest.mark.parametrize("message", ["meter-values", "transaction-event"])
async def test_a_refused_token_or_boot_ends_the_run(server, message):
    server.behaviour.token_status["CP00002"] = "Blocked"
    with pytest.raises(UnableToPrepare, match=r"CP00002: the token.*Blocked"):
        await run_load(plan_of(server, message=message))
    # The others' transactions do not stay open.
    assert server.actions("CP00001")[-1] in {"StopTransaction", "TransactionEvent"}
    assert len(server.actions("CP00001")) == 3
    server.behaviour.registrations = ["Rejected"]
    with pytest.raises(UnableToPrepare, match="not registered"):
        await run_load(plan_of(server, message=message))


async def test_a_refused_call_ends_the_run_before_it_begins(server):
    server.behaviour.refused_actions.add("StartTransaction")

    with pytest.raises(UnableToPrepare, match="StartTransaction was answered"):
        await run_load(plan_of(server, message="meter-values"))


async def test_a_refusal_in_a_charge_is_counted_by_its_reason(server):
    server.behaviour.token_status["CP00001"] = "ConcurrentTx"
    report = await run_load(plan_of(server, message="charge", connections=2))

    assert report.errors == {"the token of the plan is ConcurrentTx": 1}
    assert report.units > 0


async def test_refused_calls_are_counted(server):
    server.behaviour.refused_actions.add("Heartbeat")
    report = await run_load(plan_of(server))

    assert not report.ok
    assert set(report.errors) == {"CALLERROR InternalError"}


async def test_a_password_is_sent(server):
    server.behaviour.password = "secret"
    assert (await run_load(plan_of(server, password="secret"))).ok
    with pytest.raises(UnableToEnter, match="401"):
        await run_load(plan_of(server, password="wrong"))


async def test_a_server_without_the_version_is_told_so(server):
    server.behaviour.subprotocols = ("ocpp1.6",)

    with pytest.raises(UnableToEnter, match="subprotocol"):
        await run_load(plan_of(server, message="transaction-event"))


async def test_a_server_that_asks_and_pings_is_answered(server):
    answers = []

    async def pester():
        while "CP00001" not in server.peers:  # noqa: ASYNC110 - a test waits
            await asyncio.sleep(0.01)
        connection = server.peers["CP00001"]._connection
        await (await connection.ping())
        answers.append("pong")
        await connection.send(json.dumps([2, "m1", "GetConfiguration", {}]))

    pestering = asyncio.ensure_future(pester())
    report = await run_load(plan_of(server, connections=1))
    await pestering

    assert answers == ["pong"]
    assert report.ok, report.errors


async def test_a_server_that_leaves_is_counted(server):
    async def leave():
        while "Heartbeat" not in server.actions("CP00001"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await server.peers["CP00001"]._connection.close()

    leaving = asyncio.ensure_future(leave())
    report = await run_load(plan_of(server, connections=2))
    await leaving

    assert report.errors["disconnected"] == 1
    assert report.answers > 0


async def test_load_goes_over_tls(tmp_path):
    async with self_signed_tls(tmp_path) as (server, ca_file):
        report = await run_load(plan_of(server, ca_file=ca_file))
        assert report.ok, report.errors
        with pytest.raises(UnableToReach, match="CERTIFICATE_VERIFY_FAILED"):
            await run_load(plan_of(server))


@asynccontextmanager
async def garbage_server(head):
    """Say these bytes to everybody, then listen until they leave."""
    served = []

    async def serve(reader, writer):
        served.append(asyncio.current_task())
        writer.write(head)
        with suppress(ConnectionError):
            await writer.drain()
            await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        await asyncio.wait(served)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"HTTP/1.1 503 Full\r\n\r\n", "503"),
        (b"x" * 20_000, "endless"),
        (b"HTTP/1.1 101 OK\r\n\r\n", "subprotocol"),
    ],
)
async def test_a_broken_handshake_is_told_so(head, words):
    async with garbage_server(head) as url:
        plan = Plan(url=url, connections=1, seconds=0.1)
        with pytest.raises(UnableToEnter, match=words):
            await run_load(plan)


HELLO = b"HTTP/1.1 101 OK\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"


async def test_a_server_that_hangs_up_in_the_handshake_is_told_so():
    async def hang_up(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        plan = Plan(url=f"ws://127.0.0.1:{port}", connections=1, seconds=0.1)
        with pytest.raises(UnableToReach, match="closed during the handshake"):
            await run_load(plan)


@pytest.mark.parametrize(
    ("frames", "error"),
    [
        (b"\x81\x04nope", "broken answer"),
        (b'\x81\x08[3,"x"]\n', "unasked answer"),
        (b"\x81\x81\0\0\0\0x", "frame: masked"),
    ],
)
async def test_broken_frames_are_counted(frames, error):
    async with garbage_server(HELLO + frames) as url:
        plan = Plan(
            url=url,
            connections=1,
            seconds=0.1,
            boot=False,
            answer_timeout_s=0.3,
        )
        report = await run_load(plan)

    assert any(each.startswith(error) for each in report.errors), report.errors
