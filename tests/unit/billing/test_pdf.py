"""Names of every script are printed, in a font that has their letters."""

from io import BytesIO

import pytest
from pypdf import PdfReader

from billing.services.documents import pdf


@pytest.mark.parametrize(
    ("name", "font"),
    [
        ("Müller", "Helvetica"),
        ("Žilina", "Helvetica"),
        ("Łask", "Vera"),
        ("深圳充电", "STSong"),
    ],
)
def test_a_name_is_printed_in_a_font_that_has_its_letters(name, font):
    sheet = pdf.Sheet(
        title="1",
        issuer=name,
        facts=[("a", "b")],
        head=("a", "", "b"),
        rows=[],
        sums=[("c", "d")],
    )
    printed = pdf.render(sheet)
    (page,) = PdfReader(BytesIO(printed)).pages
    assert name in page.extract_text()
    found = page["/Resources"]["/Font"].values()
    fonts = [each.get_object()["/BaseFont"] for each in found]
    assert any(font in each for each in fonts)
    assert pdf.render(sheet) == printed
