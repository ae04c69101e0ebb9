"""The page about what waits for a person names every list of money and orders."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "stuck.md"
LIST = re.compile(r'WorkList\(\s*_\("([^"]+)"\)')


def test_every_list_of_the_first_page_is_explained():
    panels = [ROOT / room / "admin" / "panels.py" for room in ("billing", "settlement")]
    titles = {title for path in panels for title in LIST.findall(path.read_text())}
    rows = re.findall(r"^\| ([^|]+) \|", PAGE.read_text(), re.MULTILINE)

    assert len(titles) > 6
    assert titles == set(rows) - {"list", "---"}
