import base64
import re

from hypothesis import given, strategies as st

from cpms.kernel.ids import (
    b64url,
    new_order_number,
    new_secret,
    sha256_b64url,
    sha256_hex,
)


def test_order_numbers_fit_the_shortest_id_tag():
    numbers = {new_order_number() for _ in range(200)}

    assert len(numbers) == 200
    assert all(re.fullmatch("[0-9A-F]{20}", number) for number in numbers)


def test_secrets_have_the_bits_asked_for():
    for bits in (64, 100, 128, 256):
        text = new_secret(bits=bits)
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        assert bits <= 8 * len(raw) < bits + 8
    assert new_secret() != new_secret()


@given(st.binary())
def test_base64url_has_no_padding_and_comes_back(data):
    text = b64url(data)

    assert re.fullmatch(r"[\w-]*", text)
    assert base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) == data


@given(st.text().filter(lambda text: text.isprintable()))
def test_a_text_and_its_bytes_have_the_same_hash(text):
    assert sha256_hex(text) == sha256_hex(text.encode())
    assert sha256_b64url(text) == sha256_b64url(text.encode())
    assert len(sha256_hex(text)) == 64
    assert len(sha256_b64url(text)) == 43


def test_hashes_are_sha_256():
    assert sha256_hex("").startswith("e3b0c44298fc1c14")
    assert sha256_b64url("").startswith("47DEQpj8HBSa")
