import ssl

import pytest
from hypothesis import given, strategies as st

from charge_points.gateway.client_certificates import names_in
from charge_points.gateway.witness import Witness, leaf_of, watch

LEAF = bytes(range(200)) * 2


def certificate_message(leaf, *, is_tls_1_3):
    """As RFC 5246 7.4.2 and RFC 8446 4.4.2 write it."""
    entry = len(leaf).to_bytes(3, "big") + leaf + (b"\0\0" if is_tls_1_3 else b"")
    body = len(entry).to_bytes(3, "big") + entry
    body = b"\0" + body if is_tls_1_3 else body
    return b"\x0b" + len(body).to_bytes(3, "big") + body


@pytest.mark.parametrize("is_tls_1_3", [True, False])
def test_the_leaf_is_the_first_certificate_of_the_message(is_tls_1_3):
    message = certificate_message(LEAF, is_tls_1_3=is_tls_1_3)
    assert leaf_of(message, is_tls_1_3=is_tls_1_3) == LEAF


@given(st.binary(max_size=300), st.booleans())
def test_whatever_a_client_sends_is_read_without_a_fault(message, is_tls_1_3):
    assert len(leaf_of(message, is_tls_1_3=is_tls_1_3)) <= len(message)
    assert names_in(leaf_of(message, is_tls_1_3=is_tls_1_3)) == ()


@pytest.mark.parametrize(
    ("direction", "content", "kind", "seen"),
    [
        ("read", 22, 11, LEAF),
        ("write", 22, 11, b""),
        ("read", 21, 11, b""),
        ("read", 22, 1, b""),
    ],
)
def test_only_a_certificate_of_the_client_is_looked_at(direction, content, kind, seen):
    witness = Witness()
    message = certificate_message(LEAF, is_tls_1_3=False)
    witness(None, direction, ssl.TLSVersion.TLSv1_2, content, kind, message)
    witness(None, direction, ssl.TLSVersion.TLSv1_2, content, kind, b"")
    assert witness.leaf == seen


def test_a_python_without_the_callback_sees_nothing():
    assert watch(object(), Witness()) is False
