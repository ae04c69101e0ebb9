"""Plots: every line inside its frame, axes above the highest value."""

import itertools
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from cpms.kernel.plots import (
    BOTTOM,
    HEIGHT,
    LEFT,
    MARKERS_MAX,
    POINTS_MAX,
    RIGHT,
    TOP,
    WIDTH,
    Series,
    plot_svg,
    thin,
)

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
SVG = "{http://www.w3.org/2000/svg}"


def series(values, *, every=timedelta(minutes=1), begin=NOON, **more):
    points = tuple(
        (begin + every * number, Decimal(value)) for number, value in enumerate(values)
    )
    return Series(more.pop("name", "Power"), more.pop("unit", "kW"), points, **more)


def draw(*lines, zone=UTC, label="a plot"):
    return plot_svg(*lines, zone=zone, label=label)


def texts(svg):
    return [node.text for node in ET.fromstring(svg).iter(f"{SVG}text")]


def corners(svg, kind):
    root = ET.fromstring(svg)
    (line,) = [n for n in root.iter(f"{SVG}polyline") if n.get("class") == kind]
    return [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]


@pytest.mark.parametrize("line", [series([]), series([1])])
def test_too_little_to_see_is_no_plot(line):
    assert draw(line) == ""


def test_points_of_one_instant_are_no_plot():
    assert draw(series([1, 2], every=timedelta(0))) == ""


def test_one_line_is_enough():
    svg = draw(series([]), series([1, 2], name="Energy", unit="kWh"))
    assert "plot-right" in svg
    assert 'class="plot-left"' not in svg


@given(
    st.lists(st.decimals(0, 10**6, places=3, allow_nan=False), min_size=2, max_size=60),
    st.integers(1, 10**6),
    st.booleans(),
)
def test_every_corner_lies_inside_the_frame(values, seconds, is_step):
    line = series(values, every=timedelta(seconds=seconds), is_step=is_step)
    for x, y in corners(draw(line, line), "plot-left"):
        assert LEFT - 0.1 <= x <= WIDTH - RIGHT + 0.1
        assert TOP - 0.1 <= y <= HEIGHT - BOTTOM + 0.1


@given(st.decimals(Decimal("0.001"), 10**7, places=3, allow_nan=False))
def test_marks_reach_above_the_highest_value_in_few_round_steps(highest):
    svg = draw(series([0, highest]))
    marks = [
        Decimal(node.text)
        for node in ET.fromstring(svg).iter(f"{SVG}text")
        if node.get("text-anchor") == "end" and node.get("class") == "plot-text"
    ]
    assert marks[0] == 0
    assert marks[-2] < highest <= marks[-1]
    assert 2 <= len(marks) <= 6
    step = marks[1] - marks[0]
    assert [b - a for a, b in itertools.pairwise(marks)] == [step] * (len(marks) - 1)


def test_nothing_but_zeros_is_a_line_at_the_bottom():
    assert {y for _, y in corners(draw(series([0, 0, 0])), "plot-left")} == {
        HEIGHT - BOTTOM
    }


def test_a_step_holds_its_value_until_the_next_one():
    found = corners(draw(series([1, 2], is_step=True)), "plot-left")
    (x1, y1), (x2, y2), (x3, y3) = found
    assert (x2, x3) == (x3, x2)
    assert y1 == y2 > y3
    assert x1 < x2


def test_the_clock_is_that_of_the_zone():
    line = series([1] * 61)
    assert "12:30" in texts(draw(line))
    assert "14:30" in texts(draw(line, zone=BERLIN))


@pytest.mark.parametrize(
    ("every", "form"),
    [
        (timedelta(seconds=1), r"\d\d:\d\d:\d\d"),
        (timedelta(minutes=5), r"\d\d:\d\d"),
        (timedelta(days=1), r"\d\d-\d\d"),
        (timedelta(days=300), r"\d\d-\d\d"),
    ],
)
def test_the_clock_is_as_fine_as_the_time_shown(every, form):
    shown = texts(draw(series([1] * 31, every=every)))
    clocks = [text for text in shown if re.fullmatch(form, text)]
    assert 2 <= len(clocks) <= 11


def test_marks_of_the_clock_are_even_when_clocks_change():
    """On 2026-10-25 Berlin's clock shows 02:00 to 03:00 twice."""
    begin = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)
    line = series([1] * 6, every=timedelta(hours=1), begin=begin)
    svg = draw(line, zone=BERLIN)
    marks = re.findall(r'<line class="plot-grid" x1="([\d.]+)" x2="\1" y1="\d+"', svg)
    gaps = {round(float(b) - float(a), 0) for a, b in itertools.pairwise(marks)}
    assert len(gaps) == 1


def test_a_long_line_is_thinned_and_keeps_its_peaks():
    values = [1] * 5000
    values[3333] = 99
    line = series(values)
    assert max(value for _, value in thin(line.points)) == 99
    assert len(thin(line.points)) <= POINTS_MAX + 2
    svg = draw(line)
    assert svg.count("<circle") <= MARKERS_MAX + 2


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=3000), st.integers(2, 50))
def test_thinning_keeps_ends_order_and_extremes(values, limit):
    points = series(values).points
    kept = thin(points, limit)
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert [at for at, _ in kept] == sorted(at for at, _ in kept)
    for pick in (min, max):
        assert pick(v for _, v in kept) == pick(v for _, v in points)
    assert len(kept) <= max(limit, 2) + 3


def test_what_people_write_is_escaped():
    line = series([1, 2], name="<b>&", unit='"k"')
    svg = draw(line, label='<script>"')
    assert "<script>" not in svg
    assert "<b>" not in svg
    assert ET.fromstring(svg).get("aria-label") == '<script>"'
