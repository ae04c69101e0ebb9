"""PDF by reportlab: one page layout for receipts and credit notes.

Western text is set in the PDF's own Helvetica. Further letters (Łódź, Győr, Αθήνα) are
set in Open Sans, of which only the used glyphs are embedded. Everything else is set in
the standard's own Chinese font (STSong-Light), which needs no file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from importlib import resources
from io import BytesIO
from itertools import groupby
from typing import Any, Final

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    Flowable,
    HRFlowable,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

LATIN: Final = "Helvetica"
EMBEDDED: Final = "Embedded"
CHINESE: Final = "STSong-Light"
TEXT_CHARS_MAX: Final = 200_000
"""Signed values are printed whole; the codec takes no longer text than this."""

INK: Final = colors.HexColor("#1c2733")
SOFT: Final = colors.HexColor("#5b6875")
RULE: Final = colors.HexColor("#d4dae0")

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a page shows: heading, facts, a table, sums, notes."""

    title: str
    issuer: str
    facts: Sequence[Row]
    head: Row
    rows: Sequence[Row]
    sums: Sequence[Row]
    notes: Sequence[str] = field(default_factory=tuple)
    language: str = "en"


def _font(text: str) -> str:
    """The first font that has all letters; Chinese where none has."""
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        known = _embedded().face.charToGlyph
        return EMBEDDED if all(ord(each) in known for each in text) else CHINESE
    return LATIN


def _marked_up(text: str) -> str:
    """Reportlab's markup of a text; one that no font has whole is set in pieces."""
    if _font(text) != CHINESE:
        return escape(text)
    return "".join(
        f'<font name="{font}">{escape("".join(letters))}</font>'
        for font, letters in groupby(text, key=_font)
    )


@cache
def _embedded() -> TTFont:
    """Read the font's file once a process."""
    font = TTFont(EMBEDDED, _font_file())
    pdfmetrics.registerFont(font)
    return font


def _font_file() -> str:
    files = resources.files("fontpkg_open_sans") / "files"
    return str(files / "OpenSans[wdth,wght].ttf")


def _paragraph(text: str, size: float = 9.5, *, soft: bool = False) -> Paragraph:
    text = text[:TEXT_CHARS_MAX]
    style = ParagraphStyle(
        "text",
        fontName=_font(text),
        fontSize=size,
        leading=size * 1.4,
        textColor=SOFT if soft else INK,
        wordWrap="CJK" if _font(text) == CHINESE else None,
    )
    return Paragraph(_marked_up(text), style)


def _right(text: str, *, bold: bool = False) -> Paragraph:
    text = text[:TEXT_CHARS_MAX]
    style = ParagraphStyle(
        "number",
        fontName=f"{LATIN}-Bold" if bold and _font(text) == LATIN else _font(text),
        fontSize=9.5,
        leading=13.3,
        alignment=2,
        textColor=INK,
    )
    return Paragraph(_marked_up(text), style)


def _facts(rows: Sequence[Row]) -> Table:
    cells = [[_paragraph(name, soft=True), _paragraph(value)] for name, value in rows]
    return Table(cells, colWidths=(40 * mm, 130 * mm), style=_TIGHT, hAlign="LEFT")


def _lines(sheet: Sheet) -> Table:
    first, *others = sheet.head
    cells: list[list[Flowable]] = [
        [_paragraph(first, soft=True), *(_right(text) for text in others)]
    ]
    cells += [
        [_paragraph(row[0]), *(_right(text) for text in row[1:])] for row in sheet.rows
    ]
    count = len(cells)
    filler: list[Flowable] = [Spacer(0, 0) for _ in others[1:]]
    for name, value in sheet.sums:
        last = name == sheet.sums[-1][0]
        cells.append([_paragraph(name), *filler, _right(value, bold=last)])
    style: list[Any] = [
        *_TIGHT_COMMANDS,
        ("LINEBELOW", (0, 0), (-1, 0), 0.6, RULE),
        ("LINEABOVE", (0, count), (-1, count), 0.6, RULE),
        ("LINEABOVE", (0, -1), (-1, -1), 0.6, INK),
    ]
    return Table(cells, colWidths=(80 * mm, 45 * mm, 45 * mm), style=TableStyle(style))


_TIGHT_COMMANDS: Final = [
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("RIGHTPADDING", (0, 0), (-1, -1), 0),
    ("TOPPADDING", (0, 0), (-1, -1), 2),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
]
_TIGHT: Final = TableStyle(_TIGHT_COMMANDS)


def render(sheet: Sheet) -> bytes:
    """The sheet as PDF; the same sheet gives the same bytes."""
    pdfmetrics.registerFont(UnicodeCIDFont(CHINESE))
    file = BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=20 * mm,
        rightMargin=20 * mm,
        topMargin=20 * mm,
        bottomMargin=20 * mm,
        title=sheet.title,
        author=sheet.issuer,
        lang=sheet.language,
        invariant=True,
    )
    story: list[Flowable] = [
        _paragraph(sheet.issuer, 11, soft=True),
        _paragraph(sheet.title, 18),
        Spacer(0, 6 * mm),
        _facts(sheet.facts),
        Spacer(0, 5 * mm),
        _lines(sheet),
        Spacer(0, 8 * mm),
    ]
    if sheet.notes:
        story.append(HRFlowable(width="100%", thickness=0.6, color=RULE))
        story += [_paragraph(note, 8, soft=True) for note in sheet.notes]
    document.build(story)
    return file.getvalue()
