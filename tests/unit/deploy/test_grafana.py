"""The dashboard asks for metrics that exist, by labels that they have."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client import Counter, Gauge, Histogram

from charge_points.gateway import metrics as gateway
from cpms.ops.metrics import QUERIES

FILE = Path(__file__).resolve().parents[3] / "deploy" / "grafana" / "cpms.json"
BOARD = json.loads(FILE.read_text())
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [
    target["expr"] for panel in PANELS for target in panel.get("targets", ())
]
OTHERS = {"cpms_queue_batches": {"queue"}}
SUFFIX = {Counter: "_total", Gauge: "", Histogram: "_bucket"}


def known():
    """Metric as Prometheus stores it -> its labels."""
    found = {name: {label} for name, (_, label, _) in QUERIES.items()} | OTHERS
    for metric in vars(gateway).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            name = metric._name + SUFFIX[type(metric)]
            found[name] = {*metric._labelnames}
    return found


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_panel_asks_for_what_there_is(expression):
    names = set(re.findall(r"\bcpms_\w+", expression))
    assert names
    assert names <= known().keys()
    labels = {"instance", "le"}.union(*(known()[name] for name in names))
    asked = re.findall(r"\bby \(([^)]*)\)|\{(\w+)=", expression)
    assert {word for pair in asked for word in pair if word} <= labels


def test_every_metric_is_on_the_dashboard():
    shown = set(re.findall(r"\bcpms_\w+", " ".join(EXPRESSIONS)))
    assert known().keys() - shown == set()


def test_panels_lie_beside_each_other():
    taken = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken
        taken |= cells
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(ids) == len(set(ids))
