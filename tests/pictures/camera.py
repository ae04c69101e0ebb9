"""Photographs pages, small enough for a repository."""

import io
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Page

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "pictures"
BYTES_MAX: Final = 200_000
COLOURS: Final = 128
SETTLE_MS: Final = 500
"""Charts and the map draw themselves after the page is there."""


class PictureTooBig(Exception):
    """A picture that a reader would wait for."""


def photograph(
    page: Page, name: str, *, folder: Path = FOLDER, height_max: int = 1400
) -> Path:
    """Write the page as a PNG of few colours, cut below ``height_max``.

    Raises:
        PictureTooBig: it is larger than ``BYTES_MAX``.
    """
    page.wait_for_load_state("load")
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(SETTLE_MS)
    size = page.viewport_size
    assert size is not None
    full = int(page.evaluate("document.documentElement.scrollHeight"))
    height = min(max(full, size["height"]), height_max)
    taken = page.screenshot(
        full_page=True,
        clip={"x": 0, "y": 0, "width": size["width"], "height": height},
    )
    path = folder / f"{name}.png"
    with Image.open(io.BytesIO(taken)) as image:
        few = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(path, optimize=True)
    if path.stat().st_size > BYTES_MAX:
        raise PictureTooBig(f"{path} has {path.stat().st_size} bytes.")
    return path
