"""Forms for commands are read from the schemas: all of them, and right."""

import pytest

from charge_points.admin.schema_help import (
    action_groups,
    example_payload,
    field_help,
)
from charge_points.ocpp.schemas import MESSAGE_SETS, call_schema, validate_call

ACTIONS = [
    (version, action)
    for version, messages in MESSAGE_SETS.items()
    for action in sorted(messages.outgoing)
]


@pytest.mark.parametrize(("version", "action"), ACTIONS)
def test_the_example_of_every_action_is_valid(version, action):
    payload = example_payload(version, action)
    assert validate_call(version, action, payload) is None, payload


@pytest.mark.parametrize(("version", "action"), ACTIONS)
def test_every_field_of_every_action_is_told_once(version, action):
    fields = field_help(version, action)
    paths = [field.path for field in fields]
    assert len(paths) == len(set(paths))
    top = {path.split(".")[0].removesuffix("[]") for path in paths}
    assert top == set(call_schema(version, action).document["properties"])


@pytest.mark.parametrize("version", list(MESSAGE_SETS))
def test_every_action_stands_in_one_group(version):
    listed = [a for group in action_groups(version) for a in group.actions]
    assert sorted(listed) == sorted(MESSAGE_SETS[version].outgoing)


def test_groups_are_written_as_people_write():
    names = [group.name for group in action_groups("2.0.1")]
    assert "Smart charging" in names
    assert "Remote control" in names


def test_required_fields_come_first_with_their_limits():
    fields = field_help("1.6", "ChangeConfiguration")
    assert [(f.path, f.is_required, f.limits) for f in fields] == [
        ("key", True, "up to 50 characters"),
        ("value", True, "up to 500 characters"),
    ]


def test_lists_and_choices_are_told():
    fields = {field.path: field for field in field_help("2.0.1", "SetVariables")}
    assert fields["setVariableData[]"].kind == "list of object"
    choices = fields["setVariableData[].attributeType"].limits
    assert choices.startswith("Actual · Target")


def test_times_are_told_as_such():
    fields = {field.path: field for field in field_help("1.6", "UpdateFirmware")}
    assert fields["retrieveDate"].kind == "time"
