"""What spreadsheets may be given: texts that none of them takes for a formula."""

import re
from typing import Final

_STARTS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""https://owasp.org/www-community/attacks/CSV_Injection."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""Signs that no cell may hold (XML 1.0, 2.2)."""


def cell_text(text: str) -> str:
    """The text with an apostrophe before what would start a formula."""
    clean = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
    return f"'{clean}" if clean.startswith(_STARTS_FORMULA) else clean
