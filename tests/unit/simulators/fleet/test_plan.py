import json

import pytest

from simulators.errors import UnableToUnderstand
from simulators.fleet.cli import build_parser, plan_of, progress_line
from simulators.fleet.plan import FleetPlan, StationPlan, numbered_stations
from simulators.fleet.run import FleetSummary

BASE = {
    "url": "ws://h/ocpp",
    "stations": [{"identity": "CP1"}],
    "tokens": ["TAG"],
}


def test_a_plan_comes_from_a_file_and_flags_win(tmp_path):
    path = tmp_path / "fleet.json"
    path.write_text(json.dumps({**BASE, "seed": 3, "duration_s": 5}))
    options = build_parser().parse_args(["--plan", str(path), "--seed", "9"])
    plan = plan_of(options)

    assert plan.stations == (StationPlan(identity="CP1"),)
    assert (plan.seed, plan.duration_s, plan.tokens) == (9, 5, ("TAG",))


def test_a_plan_comes_from_flags_alone():
    options = build_parser().parse_args(
        ["--url", "ws://h", "--stations", "4", "--token", "A", "--share-201", "250"]
    )
    plan = plan_of(options)

    assert [each.identity for each in plan.stations] == [
        "CP00001",
        "CP00002",
        "CP00003",
        "CP00004",
    ]
    assert [each.version for each in plan.stations] == ["2.0.1", "1.6", "1.6", "1.6"]


def test_flags_without_an_address_are_refused():
    with pytest.raises(UnableToUnderstand, match="--plan"):
        plan_of(build_parser().parse_args(["--stations", "4"]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stations": []}, "stations"),
        ({"stations": [{"identity": "A"}, {"identity": "A"}]}, "twice"),
        ({"stations": [{"identity": "A", "version": "2.1"}]}, "version"),
        ({"stations": [{"name": "A"}]}, "does not fit"),
        ({"nonsense": 1}, "nonsense"),
        ({"duration_s": 0}, "duration_s"),
        ({"arrivals_per_minute": 0}, "arrivals"),
        ({"energy_wh_min": 5, "energy_wh_max": 4}, "energy_wh"),
        ({"tokens": []}, "tokens"),
        ({"certificate_per_mille": 100}, "vehicle_keys"),
        (
            {
                "certificate_per_mille": 100,
                "vehicle_keys": ["k"],
                "api": "http://h",
                "tokens": [],
            },
            "unless certificate_per_mille is 1000",
        ),
    ],
)
def test_a_plan_that_cannot_run_says_why(change, words):
    with pytest.raises(UnableToUnderstand, match=words):
        FleetPlan.of({**BASE, **change})


def test_an_unreadable_file_is_refused(tmp_path):
    path = tmp_path / "fleet.json"
    path.write_text("{")

    with pytest.raises(UnableToUnderstand, match="cannot be read"):
        FleetPlan.read(str(path))


def test_stations_can_be_numbered():
    stations = numbered_stations(
        count=2, prefix="X", digits=1, password="p", share_201_per_mille=1000
    )

    assert [(each.identity, each.version, each.password) for each in stations] == [
        ("X1", "2.0.1", "p"),
        ("X2", "2.0.1", "p"),
    ]


def test_the_progress_line_counts_everything():
    summary = FleetSummary(stations=3, online=2, arrived=5, under_way=1, completed=3)
    summary.fail(RuntimeError("broken"))

    assert progress_line(summary) == (
        "2/3 online, 5 arrived, 1 charging, 3 done, 1 failed"
    )
    assert not summary.ok
    assert summary.as_json()["examples"] == ["broken"]
