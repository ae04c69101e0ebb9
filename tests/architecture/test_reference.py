"""The reference pages say what the code has."""

import re
from pathlib import Path

from django.core.management import call_command, get_commands

from charge_points.management.commands.ocpp_coverage import markdown
from cpms.notifications.catalogue import CATALOGUE, reference
from cpms.ops import problem_catalogue

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
VARIABLE = re.compile(
    r'(?:env\.\w+|environ\.get|production_secret)\(\s*"([A-Z][A-Z_]+)"'
)
OURS = ("cpms", "charge_points", "billing", "settlement")


def test_every_setting_is_in_the_table():
    text = (REFERENCE / "settings.md").read_text()
    sources = [*(ROOT / "cpms" / "settings").glob("*.py")]
    names = {name for path in sources for name in VARIABLE.findall(path.read_text())}

    assert len(names) > 15
    assert {name for name in names if f"`{name}`" not in text} == set()


def test_every_command_of_ours_is_in_the_table():
    text = (REFERENCE / "cli.md").read_text()
    commands = {
        name for name, app in get_commands().items() if str(app).startswith(OURS)
    }

    assert {name for name in commands if f"`{name}" not in text} == set()


def test_the_ocpp_table_is_that_of_the_routes():
    assert (REFERENCE / "ocpp.md").read_text() == markdown()


def test_the_event_catalogue_is_that_of_the_code():
    assert (REFERENCE / "events.md").read_text() == reference()


def test_the_problem_catalogue_is_that_of_the_code():
    told = problem_catalogue.reference()
    assert (REFERENCE / "problems.md").read_text() == told, (
        "write it anew: manage.py problem_catalogue > docs/reference/problems.md"
    )


def test_every_public_event_is_published_somewhere():
    sources = [*ROOT.glob("charge_points/**/*.py"), *ROOT.glob("settlement/**/*.py")]
    sources += ROOT.glob("billing/**/*.py")
    text = "".join(path.read_text() for path in sources)

    assert {
        entry.topic for entry in CATALOGUE if f'"{entry.topic}"' not in text
    } == set()


def test_the_openapi_description_is_that_of_the_views(tmp_path):
    fresh = tmp_path / "openapi.yaml"
    call_command("spectacular", "--file", str(fresh))

    assert (REFERENCE / "openapi.yaml").read_text() == fresh.read_text()
