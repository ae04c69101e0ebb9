"""The command line keeps its promise: JSON, 0 done, 1 refused, 2 wrong usage."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.db import OperationalError

from cpms.accounts.management.commands import create_operator
from tests.factories import money
from tests.integration.ops.command_walk import (
    PASSWORD,
    RUNNING,
    WALK,
    manage,
    new_world,
)
from tests.psp_process import running_psp

ROOT = Path(__file__).resolve().parents[3]
OURS = ("cpms", "charge_points", "billing", "settlement")
KEYS = re.compile(r"^\| `(\w+)` \| ((?:`\w+`(?:, )?)+)", re.MULTILINE)
REFUSABLE = sorted(name for name, entry in WALK.items() if entry.refused)
JSON = sorted(name for name, entry in WALK.items() if entry.is_json)
OPEN = {
    "ocpp_coverage": "1.6",
    "event_catalogue": "transaction.started",
    "problem_catalogue": "idempotency_key_reused",
}
"""Their keys are versions, event types and codes: one that must be among them."""


@pytest.fixture(scope="module")
def psp_process():
    with running_psp() as psp:
        yield psp


@pytest.fixture
def world(db, tmp_path, psp_process, settings):
    settings.PAYMENT_PROVIDERS = money.provider_settings(psp_process)
    return new_world(tmp_path, psp_process)


def documented_keys():
    """Command -> what the reference says of its JSON, outside of brackets."""
    text = (ROOT / "docs" / "reference" / "cli.md").read_text()
    text = text.partition("## What `--json` prints")[2]
    return {
        name: set(re.findall(r"`(\w+)`", keys)) for name, keys in KEYS.findall(text)
    }


def test_every_command_is_walked():
    ours = {name for name, app in get_commands().items() if str(app).startswith(OURS)}

    assert ours == WALK.keys() | RUNNING


@pytest.mark.parametrize("name", JSON)
def test_json_is_one_object_with_the_documented_keys(world, name):
    ended = manage(name, *WALK[name].done(world), "--json")

    assert (ended.status, ended.err) == (0, "")
    if name in OPEN:
        assert OPEN[name] in ended.told
    else:
        assert ended.told.keys() == documented_keys()[name]


@pytest.mark.parametrize("name", sorted(WALK))
def test_without_json_people_can_read_what_was_done(world, name):
    ended = manage(name, *WALK[name].done(world))

    assert (ended.status, ended.err) == (0, "")
    assert ended.out.strip()


@pytest.mark.parametrize("name", REFUSABLE)
def test_a_refusal_ends_with_1_and_says_why(world, name):
    entry = WALK[name]

    ended = manage(name, *entry.refused(world))

    assert ended.status == 1
    assert f"Refused ({entry.code}): " in ended.err, ended.err
    assert entry.advice in ended.err
    assert "short-secret" not in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("name", sorted(set(REFUSABLE) & set(JSON)))
def test_a_refusal_as_json_carries_code_and_message(world, name):
    entry = WALK[name]

    ended = manage(name, *entry.refused(world), "--json")

    assert (ended.status, ended.err) == (1, "")
    assert ended.told["error"] == entry.code
    assert entry.advice in ended.told["message"]
    assert ended.told.keys() == {"error", "message"}


@pytest.mark.parametrize("name", sorted(WALK))
def test_wrong_usage_ends_with_2(world, name):
    ended = manage(name, *WALK[name].wrong(world))

    assert ended.status == 2, ended
    assert ended.err.strip()
    assert "Traceback" not in ended.err


def test_a_given_password_is_on_standard_output_only(world):
    ended = manage("create_charge_point", *WALK["create_charge_point"].done(world))

    assert PASSWORD in ended.out
    again = manage("create_charge_point", *WALK["create_charge_point"].done(world))
    assert again.status == 1
    assert PASSWORD not in again.err + again.out


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_database_that_is_away_is_no_traceback(world, monkeypatch, more):
    def away(**_):
        raise OperationalError("connection refused")

    monkeypatch.setattr(create_operator, "create_operator", away)

    ended = manage("create_operator", *WALK["create_operator"].done(world), *more)

    assert ended.status == 1
    assert "database_unreachable" in ended.out + ended.err
    assert "DATABASE_URL" in ended.out + ended.err
    assert "Traceback" not in ended.err


def test_an_export_is_not_written_where_nothing_can_be(world):
    ended = manage(
        "ledger_export", "--format=csv", "--output", world.folder / "none" / "x.csv"
    )

    assert ended.status == 1
    assert "Refused (file_unwritable): " in ended.err
    assert "choose another --output" in ended.err


def test_a_wrong_book_leaves_an_existing_file_as_it_is(world):
    path = world.folder / "ledger.csv"
    path.write_text("kept")

    ended = manage("ledger_export", *WALK["ledger_export"].refused(world))

    assert ended.status == 1
    assert path.read_text() == "kept"


def test_json_of_an_export_needs_a_file(world):
    ended = manage("ledger_export", "--format=csv", "--json")

    assert ended.status == 2
    assert "--output" in ended.err


def test_an_export_to_standard_output_refuses_an_unknown_book(world):
    ended = manage("ledger_export", "--format=csv", "--operator=nobody")

    assert ended.status == 1
    assert "Refused (unknown_operator): " in ended.err
