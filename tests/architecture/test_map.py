"""The README's map of the rooms is that of the building."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOM = re.compile(r"^\| `([\w/]+)` \|", re.MULTILINE)
MADE = {"build", "dist", "htmlcov", "mutants", "node_modules"}


def rooms():
    text = (ROOT / "README.md").read_text()
    return set(ROOM.findall(text.partition("## The map")[2].partition("\n## ")[0]))


def folders(place):
    """Folders of ours in a place, relative to the checkout; no hidden or made ones."""
    found = [
        path.relative_to(ROOT)
        for path in place.iterdir()
        if path.is_dir() and path.name[0] not in "._" and path.name not in MADE
    ]
    return {str(path) for path in found}


def test_every_room_of_the_map_is_there():
    assert {room for room in rooms() if not (ROOT / room).is_dir()} == set()


def test_every_folder_of_the_top_is_in_the_map():
    named = {room.partition("/")[0] for room in rooms()}

    assert folders(ROOT) <= named


def test_every_room_of_the_project_package_is_in_the_map():
    assert folders(ROOT / "cpms") - rooms() == set()
