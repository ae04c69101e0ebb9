"""The documented answer to every attack is tried by tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXPLANATION = ROOT / "docs" / "explanation"
TABLES = (
    ("flow.md", "| attack | answer |"),
    ("security.md", "| attempt | what stands"),
    ("security.md", "| attempt at the line | what stands"),
)
NAMED = re.compile(r"`(test_\w+)`")
DEFINED = re.compile(r"^(?:async )?def (test_\w+)\(", re.MULTILINE)


def rows():
    """The attack tables: (attack, names of tests)."""
    found = {}
    for name, head in TABLES:
        text = (EXPLANATION / name).read_text()
        table = text.partition(head)[2].partition("\n\n")[0]
        cells = [line.strip("|").split("|") for line in table.splitlines()[2:]]
        found |= {attack.strip(): NAMED.findall(tests) for attack, _, tests in cells}
    return found


def test_every_attack_is_tried():
    found = rows()
    assert len(found) >= 40
    assert [attack for attack, tests in found.items() if not tests] == []


def test_every_named_test_is_there():
    known = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in DEFINED.findall(path.read_text())
    }
    named = {name for tests in rows().values() for name in tests}
    assert named - known == set()
