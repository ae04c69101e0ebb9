"""Every command line as a person or a script runs it."""

import asyncio
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from ocpp.v16 import call

from simulators.__main__ import main
from simulators.errors import ExitCode
from simulators.vehicle import VehicleKey
from tests.integration.simulators.ocpp_server import OFFER

pytestmark = pytest.mark.asyncio
ROOT = Path(__file__).resolve().parents[3]
FAST = ("--time-scale", "3600", "--behind", "999999")


class Ran:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def named(self, event):
        return [line for line in self.lines if line.get("event") == event]


async def simulate(*arguments):
    """Run a command line in a thread, beside the test's server."""

    def work():
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            code = main(arguments)
        return Ran(code, out.getvalue(), err.getvalue())

    return await asyncio.wait_for(asyncio.to_thread(work), 60)


async def test_the_commands_run_as_a_module_of_their_own(server):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", "charge-point", "--url", server.url,
        "--identity", "CP1", "--json",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 60)

    assert (process.returncode, err) == (ExitCode.OK, b"")
    assert b'"booted"' in out


# -- charge-point ----------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_station_charges_by_token_and_tells_it_as_json(server, version):
    ran = await simulate(
        "charge-point", "--url", server.url, "--identity", "CP1", "--ocpp", version,
        "--token", "TAG", "--charges", "2", "--energy-wh", "2000", "--idle", "60",
        *FAST, "--json",
    )  # fmt: skip

    assert ran.code == ExitCode.OK, ran.err
    done = ran.named("charge_done")
    assert [each["energy_wh"] for each in done] == [2000, 2000]
    assert {each["token"] for each in done} == {"TAG"}
    assert len(server.requests("CP1", "BootNotification")) == 1


@pytest.mark.parametrize(
    ("stop", "reason"), [("unplug", "EVDisconnected"), ("server", "Remote")]
)
async def test_a_charge_can_end_in_every_way(server, stop, reason):
    async def idle():
        pass

    async def stop_when_full():
        while not server.requests("CP1", "MeterValues"):  # noqa: ASYNC110 - a test waits
            await asyncio.sleep(0.02)
        await server.peers["CP1"].call(call.RemoteStopTransaction(transaction_id=41))

    stopping = asyncio.ensure_future(stop_when_full() if stop == "server" else idle())
    ran = await simulate(
        "charge-point", "--url", server.url, "--identity", "CP1", "--token", "TAG",
        "--energy-wh", "1000", "--meter-interval", "60", "--stop", stop, *FAST,
        *(("--idle", "3600") if stop == "server" else ()), "--json",
    )  # fmt: skip
    stopping.cancel()

    assert server.requests("CP1", "StopTransaction")[0]["reason"] == reason, ran.err


async def test_a_station_tells_its_events_to_people(server):
    ran = await simulate("charge-point", "--url", server.url, "--identity", "CP1")

    assert ran.code == ExitCode.OK, ran.err
    assert "CP1: booted status=Accepted" in ran.out


async def test_a_password_comes_from_a_file(server, tmp_path):
    server.behaviour.password = "from-a-file"
    path = tmp_path / "password"
    path.write_text("from-a-file\n")
    common = ("charge-point", "--url", server.url, "--identity", "CP1")

    assert (await simulate(*common, "--password-file", str(path))).code == ExitCode.OK
    missing = await simulate(*common, "--password-file", str(tmp_path / "none"))
    assert missing.code == ExitCode.USAGE
    assert "password file" in missing.err


async def test_a_station_serves_remote_starts_for_a_time(server):
    async def start_soon():
        while "StatusNotification" not in server.actions("CP1"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await server.peers["CP1"].call(call.RemoteStartTransaction(id_tag="ORDER"))

    starting = asyncio.ensure_future(start_soon())
    ran = await simulate(
        "charge-point", "--url", server.url, "--identity", "CP1", "--serve", "3",
        "--energy-wh", "500", *FAST, "--json",
    )  # fmt: skip
    await starting

    assert ran.code == ExitCode.OK, ran.err
    assert ran.named("transaction_ended")[0]["energy_wh"] == 500
    assert ran.named("unplugged")


async def test_a_station_with_a_vehicle_claims_by_itself(
    server, platform, tmp_path, monkeypatch
):
    path = tmp_path / "car.pem"
    key = VehicleKey.generate()
    key.write(path)
    platform.enrol(key)
    monkeypatch.setitem(OFFER, "certificate", platform.certificate())

    async def start_when_claimed():
        while not platform.used_proofs:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await server.peers["CP1"].call(call.RemoteStartTransaction(id_tag="A" * 20))

    starting = asyncio.ensure_future(start_when_claimed())
    ran = await simulate(
        "charge-point", "--url", server.url, "--identity", "CP1", "--remote",
        "--vehicle-key", str(path), "--api", platform.url, "--energy-wh", "500",
        *FAST, "--json",
    )  # fmt: skip
    await starting

    assert ran.code == ExitCode.OK, ran.err
    assert ran.named("certificate_received")[0]["certificate"].count(".") == 2
    assert ran.named("claimed")[0]["order"] == "A" * 20
    assert ran.named("charge_done")[0]["token"] == "A" * 20


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--identity", "UNKNOWN1"), ExitCode.REFUSED, "no such charge point"),
        (("--identity", "CP1", "--fault", "x"), ExitCode.USAGE, "kind:step"),
        (("--identity", "CP1", "--quirk", "x"), ExitCode.USAGE, "quirk"),
        (
            ("--identity", "CP1", "--remote", "--vehicle-key", "x"),
            ExitCode.USAGE,
            "--api",
        ),
        (
            ("--identity", "CP1", "--remote", "--start-timeout", "0.2"),
            ExitCode.TIMED_OUT,
            "energy to flow",
        ),
        (("--identity", "CP1", "--token", "BAD"), ExitCode.FAILED, "Blocked"),
    ],
)
async def test_a_station_says_what_went_wrong(server, arguments, code, words):
    server.behaviour.token_status["BAD"] = "Blocked"
    ran = await simulate("charge-point", "--url", server.url, *arguments)

    assert ran.code == code
    assert words in ran.err
    assert "Traceback" not in ran.err


async def test_errors_are_json_where_json_was_asked_for():
    ran = await simulate(
        "charge-point", "--url", "ws://127.0.0.1:1", "--identity", "CP1", "--json"
    )

    assert ran.code == ExitCode.UNREACHABLE
    assert "No OCPP server" in ran.named("failed")[0]["error"]


# -- vehicle and driver ----------------------------------------------------------


async def test_a_vehicles_life_on_the_command_line(platform, tmp_path):
    path = str(tmp_path / "car.pem")
    common = ("--key", path, "--json")
    made = await simulate("vehicle", "new-key", *common)
    key = VehicleKey.read(path)
    assert made.lines[0]["fingerprint"] == key.fingerprint

    platform.enrol(key)
    platform.answers["POST", "/api/v1/driver/vehicles"] = (201, {"id": 7})
    api = ("--api", platform.url)
    enrolled = await simulate("vehicle", "enrol", *common, *api, "--token", "T")
    assert enrolled.lines == [{"id": 7}]

    certificate = ("--certificate", platform.certificate())
    verified = await simulate("vehicle", "verify", *common, *api, *certificate)
    assert verified.lines[0]["sub"] == "CP1"

    claimed = await simulate("vehicle", "claim", *common, *api, *certificate)
    assert claimed.lines[0]["order"] == "A" * 20

    cheated = await simulate(
        "vehicle", "claim", *common, *api, *certificate, "--attack", "wrong-station"
    )
    assert cheated.code == ExitCode.REFUSED
    assert "station_mismatch" in cheated.lines[0]["error"]


async def test_a_driver_on_the_command_line(platform, monkeypatch):
    monkeypatch.delenv("CPMS_DRIVER_TOKEN", raising=False)
    base = "/api/v1/driver"
    platform.answers["POST", f"{base}/sign-up"] = (201, {"token": "T", "driver_id": 1})
    platform.answers["POST", f"{base}/orders/X/stop"] = (202, {})
    platform.answers["DELETE", f"{base}/token"] = (204, b"")
    platform.answers["GET", f"{base}/price"] = (200, {"hold_minor": 5000})
    api = ("--api", platform.url, "--json")

    signed = await simulate(
        "driver", "sign-up", *api, "--email", "a@b.example", "--password", "secret"
    )
    assert signed.lines == [{"token": "T", "driver_id": 1}]
    token = ("--token", "T")
    stopped = await simulate("driver", "stop", *api, *token, "--order", "X")
    assert stopped.lines == [{"order": "X", "stop": "asked"}]
    price = await simulate("driver", "price", *api, *token, "--connector-code", "Q")
    assert price.lines == [{"hold_minor": 5000}]
    assert (await simulate("driver", "log-out", *api, *token)).code == ExitCode.OK
    nameless = await simulate("driver", "me", *api)
    assert nameless.code == ExitCode.USAGE
    refused = await simulate("driver", "me", *api, *token)
    assert refused.code == ExitCode.REFUSED


# -- fleet -----------------------------------------------------------------------


async def test_a_fleet_charges_and_sums_up(server):
    ran = await simulate(
        "fleet", "--url", server.url, "--stations", "4", "--token", "A",
        "--token", "B", "--duration", "30", "--charges-max", "6",
        "--arrivals-per-minute", "2000", "--energy-wh-max", "3000",
        "--time-scale", "3600", "--behind", "999999", "--json",
    )  # fmt: skip

    assert ran.code == ExitCode.OK, ran.err + ran.out
    (summary,) = ran.lines
    assert summary["online"] == 4
    assert summary["arrived"] == 6
    assert summary["completed"] + summary["turned_away"] == 6
    assert summary["failures"] == {}
    assert summary["started_by"]["token"] == summary["completed"]
    assert set(summary["latency_ms"]) == {"boot", "start", "charge", "stop"}
    versions = {
        "1.6" if "StartTransaction" in server.actions(identity) else "2.0.1"
        for identity in server.seen
        if len(server.actions(identity)) > 3
    }
    assert versions <= {"1.6", "2.0.1"}


async def test_a_fleet_shows_its_progress_to_people(server):
    ran = await simulate(
        "fleet", "--url", server.url, "--stations", "1", "--token", "A",
        "--charges-max", "1", "--arrivals-per-minute", "2000", "--time-scale", "3600",
        "--behind", "999999", "--events",
    )  # fmt: skip

    assert ran.code == ExitCode.OK, ran.err
    assert "1/1 online" in ran.err
    assert "CP00001: booted" in ran.out


async def test_a_fleet_without_a_server_is_told_so():
    ran = await simulate(
        "fleet", "--url", "ws://127.0.0.1:1", "--stations", "2", "--token", "A",
        "--start-timeout", "2", "--json",
    )  # fmt: skip

    assert ran.code == ExitCode.UNREACHABLE
    assert "No station" in ran.lines[-1]["error"]


async def test_a_fleet_with_failures_says_so(server):
    server.behaviour.token_status["A"] = "Blocked"
    ran = await simulate(
        "fleet", "--url", server.url, "--stations", "1", "--token", "A",
        "--charges-max", "1", "--arrivals-per-minute", "2000", "--json",
    )  # fmt: skip

    assert ran.code == ExitCode.FAILED
    (summary,) = ran.lines
    assert summary["failures"] == {"SimulatorError": 1}
    assert "Blocked" in summary["examples"][0]


# -- load ------------------------------------------------------------------------


async def test_load_reports_as_json(server):
    ran = await simulate(
        "load", "--url", server.url, "--connections", "3", "--seconds", "0.3",
        "--warmup", "0", "--message", "meter-values", "--json",
    )  # fmt: skip

    assert ran.code == ExitCode.OK, ran.err + ran.out
    (report,) = ran.lines
    assert report["ok"]
    assert report["answers"] > 0
    assert 1100 <= report["frame_bytes"] <= 1300
    assert report["errors"] == {}


async def test_load_says_what_went_wrong(server):
    common = ("load", "--connections", "1", "--seconds", "0.2")
    nobody = await simulate(*common, "--url", "ws://127.0.0.1:1")
    assert nobody.code == ExitCode.UNREACHABLE
    assert "No OCPP server" in nobody.err
    unknown = await simulate(
        *common, "--url", server.url, "--identity-prefix", "UNKNOWN", "--json"
    )
    assert unknown.code == ExitCode.REFUSED
    assert "404" in unknown.lines[0]["error"]
    wrong = await simulate(*common, "--url", server.url, "--connections", "0")
    assert wrong.code == ExitCode.USAGE
