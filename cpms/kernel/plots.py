"""Plots of measured values over time as SVG text: no script, no library, no I/O.

Colours are left to the page's style sheet, by class: ``plot-left``, ``plot-right``,
``plot-grid``, ``plot-text``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from html import escape
from typing import Final

POINTS_MAX: Final = 600
"""More points than this are thinned; peaks stay."""
MARKERS_MAX: Final = 120
"""Points that show their value when pointed at."""

WIDTH: Final = 1040
HEIGHT: Final = 280
LEFT: Final = 52
RIGHT: Final = 56
TOP: Final = 30
BOTTOM: Final = 28
_INNER_WIDTH: Final = WIDTH - LEFT - RIGHT
_INNER_HEIGHT: Final = HEIGHT - TOP - BOTTOM

_TICKS_MAX: Final = 5
_NICE: Final = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
_TIME_STEPS_S: Final = (
    *(1, 5, 10, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200),
    *(86400, 172800, 604800),
)
_TIME_TICKS_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a plot.

    Args:
        name: for the legend ("Power").
        unit: of the values ("kW").
        points: (instant, value), oldest first; values not negative.
        is_step: a value holds until the next one; otherwise points are joined.
    """

    name: str
    unit: str
    points: tuple[tuple[datetime, Decimal], ...]
    is_step: bool = False


@dataclass(frozen=True, slots=True)
class _Scale:
    """From instants and values to pixels."""

    begin: datetime
    span: timedelta
    top: Decimal

    def x(self, at: datetime) -> float:
        return LEFT + _INNER_WIDTH * ((at - self.begin) / self.span)

    def y(self, value: Decimal) -> float:
        return TOP + _INNER_HEIGHT * (1 - float(value / self.top))


def plot_svg(
    left: Series, right: Series | None = None, *, zone: tzinfo, label: str
) -> str:
    """Draw one or two series over the same time; "" when there is nothing to draw.

    Args:
        left: drawn as an area, its axis at the left.
        right: drawn as a line, its axis at the right.
        zone: of the clock under the plot.
        label: what the picture shows, for those who do not see it.
    """
    instants = [at for line in (left, right) if line for at, _ in line.points]
    if len(instants) < 2 or min(instants) == max(instants):
        return ""
    begin, span = min(instants), max(instants) - min(instants)
    head = (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(label)}" xmlns="http://www.w3.org/2000/svg">'
    )
    parts = [head, *_time_axis(begin, span, zone)]
    for side, line in (("left", left), ("right", right)):
        if line is not None and line.points:
            top, ticks = _value_ticks(max(value for _, value in line.points))
            scale = _Scale(begin, span, top)
            parts += _value_axis(side, line, ticks, scale)
            parts += _line(side, line, scale, zone)
    parts.append("</svg>")
    return "".join(parts)


def thin(
    points: Sequence[tuple[datetime, Decimal]], limit: int = POINTS_MAX
) -> list[tuple[datetime, Decimal]]:
    """At most about `limit` points: of each stretch the lowest and the highest."""
    if len(points) <= limit:
        return list(points)
    size = -(-len(points) * 2 // limit)
    kept: list[tuple[datetime, Decimal]] = [points[0]]
    for start in range(1, len(points) - 1, size):
        stretch = points[start : min(start + size, len(points) - 1)]
        extremes = {
            min(range(len(stretch)), key=lambda i: stretch[i][1]),
            max(range(len(stretch)), key=lambda i: stretch[i][1]),
        }
        kept += [stretch[index] for index in sorted(extremes)]
    kept.append(points[-1])
    return kept


def _value_ticks(highest: Decimal) -> tuple[Decimal, list[Decimal]]:
    """The top of an axis from 0 and its round marks."""
    if highest <= 0:
        return Decimal(1), [Decimal(0), Decimal(1)]
    raw = highest / _TICKS_MAX
    power = Decimal(1).scaleb(raw.adjusted())
    step = next(nice * power for nice in _NICE if nice * power >= raw)
    count = int(highest // step) + (1 if highest % step else 0)
    return step * count, [step * index for index in range(count + 1)]


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _text(x: float, y: float, text: str, *, anchor: str, kind: str = "text") -> str:
    return (
        f'<text class="plot-{kind}" x="{x:.1f}" y="{y:.1f}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def _time_axis(begin: datetime, span: timedelta, zone: tzinfo) -> list[str]:
    seconds = span.total_seconds()
    step_s = next(
        (step for step in _TIME_STEPS_S if seconds / step <= _TIME_TICKS_MAX),
        int(seconds // _TIME_TICKS_MAX) + 1,
    )
    form = "%H:%M:%S" if step_s < 60 else "%H:%M" if step_s < 86400 else "%m-%d"
    midnight = begin.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    midnight = midnight.astimezone(UTC)  # steps of real time, also when clocks change
    passed = (begin - midnight).total_seconds()
    tick = midnight + timedelta(seconds=-(-passed // step_s) * step_s)
    parts = []
    base = HEIGHT - BOTTOM
    while tick <= begin + span:
        x = LEFT + _INNER_WIDTH * ((tick - begin) / span)
        parts.append(
            f'<line class="plot-grid" x1="{x:.1f}" x2="{x:.1f}" '
            f'y1="{base}" y2="{base + 4}"/>'
        )
        clock = tick.astimezone(zone).strftime(form)
        parts.append(_text(x, base + 17, clock, anchor="middle"))
        tick += timedelta(seconds=step_s)
    return parts


def _value_axis(
    side: str, line: Series, ticks: list[Decimal], scale: _Scale
) -> list[str]:
    at_left = side == "left"
    edge = LEFT if at_left else WIDTH - RIGHT
    anchor = "end" if at_left else "start"
    parts = []
    for value in ticks:
        y = scale.y(value)
        if at_left:
            parts.append(
                f'<line class="plot-grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" '
                f'y1="{y:.1f}" y2="{y:.1f}"/>'
            )
        x = edge - 7 if at_left else edge + 7
        parts.append(_text(x, y + 3.5, _plain(value), anchor=anchor))
    title = f"{line.name} ({line.unit})"
    x, anchor = (8, "start") if at_left else (WIDTH - 8, "end")
    parts.append(_text(x, 14, title, anchor=anchor, kind=f"{side}-title"))
    return parts


def _line(side: str, line: Series, scale: _Scale, zone: tzinfo) -> list[str]:
    points = thin(line.points)
    corners: list[str] = []
    before: float | None = None
    for at, value in points:
        x, y = scale.x(at), scale.y(value)
        if line.is_step and before is not None:
            corners.append(f"{x:.1f},{before:.1f}")
        corners.append(f"{x:.1f},{y:.1f}")
        before = y
    path = " ".join(corners)
    parts = []
    if side == "left":
        base = HEIGHT - BOTTOM
        first, last = scale.x(points[0][0]), scale.x(points[-1][0])
        parts.append(
            f'<polygon class="plot-{side}-area" '
            f'points="{first:.1f},{base} {path} {last:.1f},{base}"/>'
        )
    parts.append(f'<polyline class="plot-{side}" points="{path}"/>')
    for at, value in thin(points, MARKERS_MAX):
        clock = at.astimezone(zone).strftime("%H:%M:%S")
        parts.append(
            f'<circle class="plot-{side}-point" cx="{scale.x(at):.1f}" '
            f'cy="{scale.y(value):.1f}" r="5"><title>{clock} · {_plain(value)} '
            f"{escape(line.unit)}</title></circle>"
        )
    return parts
