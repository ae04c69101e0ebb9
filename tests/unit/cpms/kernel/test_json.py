import json
import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from cpms.kernel.json import canonical, content_hash

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), values))
def test_the_order_of_keys_does_not_matter(value):
    backwards = dict(reversed(list(value.items())))

    assert canonical(value) == canonical(backwards)
    assert content_hash(value) == content_hash(backwards)


@given(values)
def test_it_is_json_of_the_same_value(value):
    assert json.loads(canonical(value)) == value


@given(values, values)
def test_other_values_have_another_text(one, other):
    # JSON knows one number; Python says True == 1.
    if json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True):
        assert canonical(one) != canonical(other)


def test_decimals_are_exact_and_keep_their_digits():
    assert canonical({"a": Decimal("1.10"), "b": Decimal("1E+3")}) == (
        b'{"a":"1.10","b":"1000"}'
    )


def test_instants_are_iso_texts():
    assert canonical([datetime(2026, 1, 2, tzinfo=UTC)]) == (
        b'["2026-01-02T00:00:00+00:00"]'
    )


def test_text_is_utf_8():
    assert canonical("Straße") == '"Straße"'.encode()


@pytest.mark.parametrize("wrong", [object(), {1, 2}, b"bytes"])
def test_what_is_not_json_is_refused(wrong):
    with pytest.raises(TypeError, match="no canonical JSON form"):
        canonical(wrong)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_what_is_no_number_is_refused(wrong):
    with pytest.raises(ValueError, match="Out of range"):
        canonical(wrong)


def test_the_hash_is_sha_256_of_the_text():
    assert content_hash({}) == (
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    )
