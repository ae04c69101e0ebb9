"""The power of a charge over time, small enough for a phone's screen."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from html import escape
from typing import Final

from cpms.kernel.plots import thin
from cpms.kernel.zones import zone_named
from cpms.web.figures import decimal_text

WIDTH: Final = 360
HEIGHT: Final = 170
LEFT: Final = 34
RIGHT: Final = 8
TOP: Final = 14
BOTTOM: Final = 22
POINTS_MAX: Final = 120
_TOPS_KW: Final = (2, 4, 8, 12, 24, 50, 100, 150, 200, 300, 400, 600, 1000)
"""Ends of the axis that have a round half."""

Point = tuple[datetime, Decimal]


def power_svg(points: Sequence[Point], *, time_zone: str, label: str) -> str:
    """Draw (instant, kW) as steps with an area below; "" with less than two instants.

    Args:
        points: oldest first; each value holds until the next.
        time_zone: of the clock below.
        label: what the picture shows, for those who do not see it.
    """
    if len(points) < 2 or points[0][0] == points[-1][0]:
        return ""
    begin, end = points[0][0], points[-1][0]
    highest = max(value for _, value in points)
    top = next((kw for kw in _TOPS_KW if kw >= highest), int(highest) + 1)
    base = HEIGHT - BOTTOM

    def x(at: datetime) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * ((at - begin) / (end - begin))

    def y(value: Decimal) -> float:
        return TOP + (base - TOP) * (1 - float(value / top))

    corners: list[str] = []
    before: float | None = None
    for at, value in thin(points, POINTS_MAX):
        if before is not None:
            corners.append(f"{x(at):.1f},{before:.1f}")
        before = y(value)
        corners.append(f"{x(at):.1f},{before:.1f}")
    path = " ".join(corners)
    parts = [
        (
            f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{escape(label)}" xmlns="http://www.w3.org/2000/svg">'
        )
    ]
    for mark in (Decimal(0), Decimal(top) / 2, Decimal(top)):
        parts += [
            (
                f'<line class="plot-grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" '
                f'y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>'
            ),
            _text(LEFT - 6, y(mark) + 4, decimal_text(mark.normalize() + 0), "end"),
        ]
    zone = zone_named(time_zone)
    form = "%H:%M" if (end - begin).total_seconds() >= 120 else "%H:%M:%S"
    parts += [
        _text(LEFT, HEIGHT - 6, f"{begin.astimezone(zone):{form}}", "start"),
        _text(WIDTH - RIGHT, HEIGHT - 6, f"{end.astimezone(zone):{form}}", "end"),
        (
            f'<polygon class="plot-area" points="{LEFT},{base} {path} '
            f'{WIDTH - RIGHT},{base}"/>'
        ),
        f'<polyline class="plot-line" points="{path}"/>',
        "</svg>",
    ]
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text class="plot-text" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )
