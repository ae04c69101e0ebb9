import pytest

from simulators.errors import UnableToUnderstand
from simulators.load.cli import build_parser, describe, plan_of, read_passwords
from simulators.load.plan import Plan
from simulators.load.report import build_report, latency_ms, percentile
from simulators.load.runner import run_plan


def test_identities_are_prefix_and_number():
    plan = Plan(url="ws://h/ocpp", first=7)
    assert plan.identity(3) == "CP00010"
    assert Plan(url="u", identity_digits=0, identity_prefix="X").identity(0) == "X1"


@pytest.mark.parametrize(
    ("message", "ocpp", "version"),
    [
        ("heartbeat", "", "1.6"),
        ("transaction-event", "", "2.0.1"),
        ("charge", "2.0.1", "2.0.1"),
    ],
)
def test_the_version_follows_from_the_message(message, ocpp, version):
    assert Plan(url="u", message=message, ocpp=ocpp).version == version


def test_a_stations_own_password_wins():
    plan = Plan(url="u", password="common", passwords={"CP00002": "own"})

    assert plan.password_of("CP00001") == "common"
    assert plan.password_of("CP00002") == "own"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"message": "nonsense"}, "not one of"),
        ({"ocpp": "2.1"}, "neither"),
        ({"message": "meter-values", "ocpp": "2.0.1"}, "not of OCPP"),
        ({"message": "transaction-event", "ocpp": "1.6"}, "not of OCPP"),
        ({"connections": 0}, "connections"),
        ({"seconds": 0}, "seconds"),
        ({"rate": -1}, "rate"),
        ({"samples_per_charge": 0}, "sample"),
        ({"url": "http://host"}, "no address like ws"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(change, words):
    with pytest.raises(UnableToUnderstand, match=words):
        run_plan(Plan(**{"url": "ws://127.0.0.1:1", **change}))


def test_percentiles_are_of_the_sorted_values():
    values = [index / 1000 for index in range(1, 1001)]

    assert percentile([], 500) == 0.0
    assert percentile(values, 500) == 0.501
    assert percentile(values, 999) == 1.0
    shown = latency_ms(reversed(values))
    assert (shown["p50"], shown["p99"], shown["max"]) == (501.0, 991.0, 1000.0)
    assert latency_ms([])["max"] == 0.0


def a_report(**values):
    times = {"connect": 0.1, "prepare": 0.2, "cpu": 0.001, "frame_bytes": 100.0}
    return build_report(
        Plan(url="ws://h", message=values.pop("message", "heartbeat")),
        **{
            "seconds": 2.0,
            "latencies_s": [0.001] * 100,
            "units": 20,
            "times": times,
            "errors": {},
            **values,
        },
    )


def test_a_report_counts_per_second():
    report = a_report()

    assert (report.messages_per_s, report.units_per_s) == (50.0, 10.0)
    assert report.client_cpu_us == 10.0
    assert report.ok
    assert report.as_json()["ok"] is True


def test_a_report_with_errors_or_without_answers_is_not_ok():
    assert not a_report(errors={"disconnected": 1}).ok
    assert not a_report(latencies_s=[]).ok


def test_a_report_reads_well():
    text = describe(a_report(message="charge", errors={"disconnected": 3}))

    assert "50.0 messages/s" in text
    assert "10.0 charges/s" in text
    assert "disconnected × 3" in text
    assert "charges/s" not in describe(a_report())


def test_the_command_line_becomes_a_plan(tmp_path):
    path = tmp_path / "passwords"
    path.write_text("CP1 one\n\nCP2 two\n")
    options = build_parser().parse_args(
        ["--url", "ws://h", "--no-start", "--warmup", "0", "--passwords", str(path)]
    )
    plan = plan_of(options)

    assert (plan.start, plan.boot, plan.warmup_s) == (False, True, 0.0)
    assert plan.passwords == {"CP1": "one", "CP2": "two"}


def test_a_bad_password_file_is_refused(tmp_path):
    path = tmp_path / "passwords"
    path.write_text("CP1 one\nCP2\n")

    with pytest.raises(UnableToUnderstand, match="entry 2"):
        read_passwords(str(path))
    with pytest.raises(UnableToUnderstand, match="cannot be read"):
        read_passwords(str(tmp_path / "none"))
