"""Names of every script are printed, in a font that has their letters."""

from io import BytesIO

import pytest
from pypdf import PdfReader

from billing.services.documents import pdf


def sheet(name):
    return pdf.Sheet(
        title=name,
        issuer=name,
        facts=[(name, name)],
        head=(name, "", "b"),
        rows=[(name, name, name)],
        sums=[("c", name)],
        notes=[name],
    )


@pytest.mark.parametrize(
    ("name", "font"),
    [
        ("Müller, Große Straße", "Helvetica"),
        ("Žilina", "Helvetica"),
        ("Łask", ""),
        ("Łódź", "OpenSans"),
        ("Győr, Kőszeg", "OpenSans"),
        ("Čeľadice, Iași, Šiauliai", "OpenSans"),
        ("Αθήνα, Київ, Đà Nẵng", "OpenSans"),
        ("深圳充电", "STSong"),
        ("Große 充电站 <b>&</b>", "STSong"),
        ("Łódź & 中文 Győr", "OpenSans"),
    ],
)
def test_a_name_is_printed_in_a_font_that_has_its_letters(name, font):
    printed = pdf.render(sheet(name))
    (page,) = PdfReader(BytesIO(printed)).pages
    # Everywhere: issuer, title, fact, its value, head, three cells, sum, note.
    # A change of font within a line may end a piece of text: spaces do not count.
    text = "".join(page.extract_text().split())
    assert text.count("".join(name.split())) == 10
    found = page["/Resources"]["/Font"].values()
    fonts = [each.get_object()["/BaseFont"] for each in found]
    assert any(font in each for each in fonts)
    assert pdf.render(sheet(name)) == printed


def test_further_letters_are_embedded_and_not_all_of_the_font():
    (page,) = PdfReader(BytesIO(pdf.render(sheet("Łódź")))).pages
    embedded = [
        each.get_object()
        for each in page["/Resources"]["/Font"].values()
        if "OpenSans" in each.get_object()["/BaseFont"]
    ]
    (file,) = {
        len(each["/FontDescriptor"]["/FontFile2"].get_data()) for each in embedded
    }
    assert 1_000 < file < 60_000
