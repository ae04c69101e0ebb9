import base64

import pytest
from hypothesis import given, strategies as st

from charge_points.gateway.credentials import (
    BasicCredentials,
    matches,
    parse_basic,
    password_digest,
    spellings,
)

KEY = b"key"


def header(text):
    return "Basic " + base64.b64encode(text).decode()


def test_a_basic_header_is_read():
    found = parse_basic(header(b"CP-1:se:cret"))
    assert found == BasicCredentials("CP-1", b"se:cret")
    assert parse_basic("basic " + header(b"a:b").split()[1]).password == b"b"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "Bearer abc",
        "Basic",
        "Basic ???",
        header(b"no colon"),
        header(b"\xff\xfe:x"),
        header(b"CP:" + b"x" * 129),
        "Basic " + "A" * 600,
    ],
)
def test_an_unreadable_header_is_no_credentials(text):
    assert parse_basic(text) is None


@given(st.text(max_size=600))
def test_no_header_is_too_strange_for_the_parser(text):
    found = parse_basic(text)
    assert found is None or isinstance(found, BasicCredentials)


def test_a_password_never_shows_in_a_representation():
    assert "secret" not in repr(BasicCredentials("CP-1", b"secret"))


@given(st.binary(min_size=8, max_size=20))
def test_hex_text_and_decoded_bytes_are_the_same_password(raw):
    text = raw.hex()
    for stored in (raw, text.encode(), text.upper().encode()):
        digest = password_digest(stored, KEY)
        for sent in (raw, text.encode(), text.upper().encode()):
            assert matches(sent, (digest,), KEY)


@given(st.binary(min_size=1, max_size=64), st.binary(min_size=1, max_size=64))
def test_another_password_never_matches(stored, sent):
    same = set(spellings(stored)) & set(spellings(sent))
    digest = password_digest(stored, KEY)
    if not same:
        assert not matches(sent, (digest,), KEY)
    assert matches(stored, (b"x" * 32, digest), KEY)
    assert not matches(stored, (digest,), b"another key")


def test_an_empty_or_huge_password_never_matches():
    assert not matches(b"", (password_digest(b"", KEY),), KEY)
    huge = b"x" * 129
    assert not matches(huge, (password_digest(huge, KEY),), KEY)
    assert not matches(b"anything", (), KEY)
