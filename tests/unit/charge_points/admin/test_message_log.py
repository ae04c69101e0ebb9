"""What a frame says, and where the next page begins."""

from datetime import UTC, datetime

import pytest

from charge_points.admin.message_log import ShownMessage, body_of, cursor_of


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ('[2,"a","Heartbeat",{"x":1}]', {"x": 1}),
        ('[3,"a",{"y":2}]', {"y": 2}),
        ('[4,"a","GenericError","no",{}]', [4, "a", "GenericError", "no", {}]),
        ('[2,"a"]', [2, "a"]),
        ("[true,1,2,3]", [True, 1, 2, 3]),
        ("[]", []),
        ('{"z":3}', {"z": 3}),
        ("not JSON", "not JSON"),
        ("", ""),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_the_payload_is_taken_out_of_its_frame(text, body):
    assert body_of(text) == body


def test_a_message_is_brief_on_one_line():
    assert ShownMessage(None, {"a": [1, 2]}, None).brief == '{"a": [1, 2]}'
    assert ShownMessage(None, "broken\ntext", None).brief == "broken\ntext"


@pytest.mark.parametrize("text", ["", "1", "1.", ".1", "a.1", "9" * 25 + ".1", "1.1.1"])
def test_a_broken_cursor_counts_as_none(text):
    assert cursor_of(text) is None


def test_a_cursor_is_an_instant_and_a_row():
    assert cursor_of("1000000.7") == (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), 7)
