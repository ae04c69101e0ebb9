"""Clients that nobody here wrote, against the gateway as it runs.

``ocpp-rpc`` (npm) in strict mode validates all that we send against the
specification's schemas; ``test-ocpp`` (PyPI) connects, boots and beats.
"""

import asyncio
import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from charge_points.handlers.asking import check
from charge_points.models import Command, Transaction
from charge_points.ocpp.schemas import MESSAGE_SETS
from charge_points.services import commands, id_tokens
from tests.conformance.desk import payload_of
from tests.conformance.gateways import PASSWORD, add_station, serving
from tests.e2e.scripted import answer_of
from tests.integration.gateway.world import run

pytestmark = pytest.mark.django_db(transaction=True)
SCRIPT = Path(__file__).parent / "foreign" / "station.js"
OCPP_RPC = "ocpp-rpc@2.2.1"
TEST_OCPP = "test-ocpp==1.0.0"
INSTALL_S = 120
PATIENCE_S = 90

ASKED = {
    "1.6": [
        ("GetConfiguration", {"key": ["Foreign"]}),
        ("ChangeConfiguration", {"key": "Foreign", "value": "1"}),
        ("TriggerMessage", {"requestedMessage": "Heartbeat"}),
        ("UnlockConnector", {"connectorId": 1}),
        ("ClearCache", {}),
        ("Reset", {"type": "Soft"}),
    ],
    "2.0.1": [
        (
            "GetVariables",
            {
                "getVariableData": [
                    {"component": {"name": "A"}, "variable": {"name": "B"}}
                ]
            },
        ),
        (
            "SetVariables",
            {
                "setVariableData": [
                    {
                        "attributeValue": "1",
                        "component": {"name": "A"},
                        "variable": {"name": "B"},
                    }
                ]
            },
        ),
        ("TriggerMessage", {"requestedMessage": "Heartbeat"}),
        ("UnlockConnector", {"evseId": 1, "connectorId": 1}),
        ("ClearCache", {}),
        ("Reset", {"type": "Immediate"}),
    ],
}


def installed(tool, arguments, folder):
    """Install with the registry's own client; skip where there is none."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed here")
    done = subprocess.run(
        arguments,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"{tool} cannot reach its registry: {done.stderr[-200:]}")
    return folder


@pytest.fixture(scope="module")
def ocpp_rpc(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ocpp-rpc")
    (folder / "package.json").write_text('{"private": true}')
    installed("npm", ["npm", "install", "--no-audit", "--no-fund", OCPP_RPC], folder)
    shutil.copy(SCRIPT, folder / SCRIPT.name)
    return folder


@pytest.fixture(scope="module")
def foreign_tester(tmp_path_factory):
    folder = tmp_path_factory.mktemp("test-ocpp")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "-q", TEST_OCPP]
    installed(sys.executable, pip, folder)
    return folder / "bin" / "test-ocpp"


async def started(*arguments, **options):
    return await asyncio.create_subprocess_exec(
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        **options,
    )


def everything(version):
    """Every command: those with a meaning above, the least payload of the others."""
    meant = dict(ASKED[version])
    actions = [name for name in MESSAGE_SETS[version].outgoing if name != "Reset"]
    return [
        (action, meant.get(action) or payload_of(version, action))
        for action in [*sorted(actions), "Reset"]
    ]


def ask(station, version):
    now = timezone.now()
    for number, (action, payload) in enumerate(everything(version)):
        check(version, action, payload)
        commands.queue(
            charge_point_id=station.charge_point_id,
            action=action,
            payload=payload,
            by="test",
            idempotency_key=str(number),
            expires_at=now + timedelta(minutes=5),
            at=now,
        )
    connection.close()


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_a_strict_foreign_station_boots_charges_and_obeys(
    version, ocpp_rpc, redis_url, settings
):
    station = add_station("FOREIGN-1", version)
    id_tokens.put_policy(
        token="FOREIGN1",
        status="accepted",
        operator_id=station.operator_id,
        at=timezone.now(),
    )
    connection.close()
    answers = ocpp_rpc / f"answers-{version}.json"
    answers.write_text(
        json.dumps({name: answer_of(version, name) for name, _ in everything(version)})
    )

    async def scenario():
        async with serving(redis_url, settings) as world:
            node = await started(
                "node",
                SCRIPT.name,
                f"ws://127.0.0.1:{world.port}/ocpp",
                *("FOREIGN-1", PASSWORD, f"ocpp{version}", answers),
                cwd=ocpp_rpc,
            )
            first = await asyncio.wait_for(node.stdout.readline(), PATIENCE_S)
            assert first == b"ready\n", first.decode()
            await asyncio.to_thread(ask, station, version)
            world.gateway.commands.wake([station.charge_point_id])
            told, _ = await asyncio.wait_for(node.communicate(), PATIENCE_S)
            return json.loads(told.decode().splitlines()[-1])

    seen = run(scenario())

    assert seen["violations"] == []
    assert "error" not in seen, seen
    assert set(seen["calls"]) == set(MESSAGE_SETS[version].outgoing)
    row = Transaction.objects.get()
    assert (row.state, row.energy_wh) == ("ended", 5000)
    states = dict(
        Command.objects.filter(requested_by="test").values_list("action", "state")
    )
    assert states["Reset"] == states["ClearCache"] == "accepted"
    assert set(states) == set(MESSAGE_SETS[version].outgoing)
    assert not {"queued", "sent"} & set(states.values())


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_a_foreign_tester_finds_the_platform_in_order(
    version, foreign_tester, redis_url, settings
):
    add_station("FOREIGN-2", version)

    async def scenario():
        async with serving(redis_url, settings) as world:
            tester = await started(
                *(foreign_tester, f"ws://127.0.0.1:{world.port}/ocpp", "FOREIGN-2"),
                *("--ocpp", version, "--password", PASSWORD),
            )
            told, _ = await asyncio.wait_for(tester.communicate(), PATIENCE_S)
            return tester.returncode, told.decode()

    code, told = run(scenario())

    assert (code, "SUCCESS" in told) == (0, True), told
