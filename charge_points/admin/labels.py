"""Printed labels: what a driver scans at each connector, as PDF sheets."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import segno
from django.conf import settings
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

LABELS_MAX: Final = 1000
COLUMNS: Final = 3
ROWS: Final = 6
"""63.5 × 46.6 mm, 18 a sheet: Avery L7161 and its like."""
WIDTH: Final = 63.5 * mm
HEIGHT: Final = 46.6 * mm
LEFT: Final = 7.2 * mm
TOP: Final = 8.7 * mm
GAP: Final = 2.5 * mm
PAD: Final = 4 * mm
CODE_SIDE: Final = 32 * mm
WORDS_MAX: Final = 24
ASIAN: Final = "STSong-Light"
"""For names that Helvetica cannot write; every reader has it."""


@dataclass(frozen=True, slots=True)
class Label:
    """What stands on one: where, at which connector, and its permanent code."""

    operator: str
    station: str
    connector: str
    code: str

    @property
    def address(self) -> str:
        """What the picture leads to."""
        return f"{settings.PUBLIC_BASE_URL}/q/{self.code}"


def labels_pdf(labels: Sequence[Label]) -> bytes:
    """Sheets of labels, 18 on each."""
    pdfmetrics.registerFont(UnicodeCIDFont(ASIAN))
    file = BytesIO()
    sheet = Canvas(file, pagesize=A4)
    sheet.setTitle("Labels")
    for number, label in enumerate(labels):
        place = number % (COLUMNS * ROWS)
        if number and not place:
            sheet.showPage()
        row, column = divmod(place, COLUMNS)
        x = LEFT + column * (WIDTH + GAP)
        y = A4[1] - TOP - (row + 1) * HEIGHT
        _draw(sheet, label, x, y)
    sheet.showPage()
    sheet.save()
    return file.getvalue()


def _draw(sheet: Canvas, label: Label, x: float, y: float) -> None:
    code = segno.make(label.address, error="m", micro=False)
    modules = code.symbol_size(border=0)[0]
    side = CODE_SIDE / modules
    bottom = y + (HEIGHT - CODE_SIDE) / 2
    for row, line in enumerate(code.matrix):
        for column, dark in enumerate(line):
            if dark:
                top = bottom + CODE_SIDE - (row + 1) * side
                sheet.rect(x + PAD + column * side, top, side, side, stroke=0, fill=1)
    words = x + PAD + CODE_SIDE + 3 * mm
    lines = (
        (label.operator, 7),
        (label.station, 8),
        (label.connector, 8),
        (label.code, 9),
    )
    at = bottom + CODE_SIDE - 8
    for text, size in lines:
        for part in _parts(text, size):
            sheet.setFont(_font(part), size)
            sheet.drawString(words, at, part)
            at -= size + 3
        at -= 3


def _font(text: str) -> str:
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return ASIAN
    return "Helvetica"


def _parts(text: str, size: int) -> list[str]:
    """The text over as many lines as the label is wide; at most two."""
    room = WIDTH - CODE_SIDE - PAD - 4 * mm
    short = text[: WORDS_MAX * 2]
    font = _font(short)
    for end in range(len(short), 0, -1):
        if pdfmetrics.stringWidth(short[:end], font, size) <= room:
            rest = short[end:]
            return [short[:end], *([rest[:end]] if rest else [])]
    return []
