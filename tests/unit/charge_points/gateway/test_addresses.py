import pytest
from hypothesis import given, strategies as st

from charge_points.gateway.addresses import StationAddress, parse_address


@pytest.mark.parametrize(
    ("target", "identity", "operator"),
    [
        ("/ocpp/CP-1", "CP-1", None),
        ("/ocpp/CP-1/", "CP-1", None),
        ("/ocpp/CP-1?x=1", "CP-1", None),
        ("/ocpp/CP%2D1", "CP-1", None),
        ("/ocpp/%2B49*123*4", "+49*123*4", None),
        ("ws://gateway.example:9000/ocpp/CP-1", "CP-1", None),
        ("/ocpp/north/CP-1", "CP-1", "north"),
        ("/ocpp/north/CP-1/", "CP-1", "north"),
        ("/ocpp/" + "x" * 48, "x" * 48, None),
    ],
)
def test_known_spellings_of_an_address_are_read(target, identity, operator):
    assert parse_address(target) == StationAddress(identity, operator)


@pytest.mark.parametrize(
    "target",
    [
        "",
        "/",
        "/ocpp",
        "/ocpp/",
        "/ocpp//",
        "ocpp/CP-1",
        "/other/CP-1",
        "/ocpp/CP 1",
        "/ocpp/CP%201",
        "/ocpp/CP%2F1",
        "/ocpp/%252D",
        "/ocpp/%ff",
        "/ocpp/" + "x" * 49,
        "/ocpp/North/CP-1",
        "/ocpp/no_rth/CP-1",
        "/ocpp/a/b/c",
        "/ocpp/CP-1" + "?" * 600,
        "ws://[bad/ocpp/CP-1",
    ],
)
def test_anything_else_is_no_address(target):
    assert parse_address(target) is None


@given(st.text(max_size=80))
def test_no_text_is_too_strange_for_the_parser(text):
    found = parse_address("/ocpp/" + text)
    assert found is None or len(found.identity) <= 48
