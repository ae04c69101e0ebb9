"""Hypothesis strategies for payloads, derived from the package's schemas.

Written against the schema documents, not against the validators under test.
"""

from decimal import Decimal

from hypothesis import strategies as st

from charge_points.ocpp.schemas import MESSAGE_SETS, call_schema, result_schema

TEXT = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")


def all_schemas(version):
    """Every (action, is_result, Schema) of a version."""
    for action in sorted(MESSAGE_SETS[version].by_action):
        yield action, False, call_schema(version, action)
        yield action, True, result_schema(version, action)


def payloads(document):
    """Valid payloads of a schema document without ``$ref``."""
    if "enum" in document:
        return st.sampled_from(document["enum"])
    if document.get("format") == "date-time":
        return st.datetimes().map(lambda at: at.isoformat() + "Z")
    return _BY_TYPE.get(document.get("type"), _anything)(document)


def _objects(document):
    properties = document.get("properties", {})
    required = set(document.get("required", ()))
    return st.fixed_dictionaries(
        {
            name: payloads(child)
            for name, child in properties.items()
            if name in required
        },
        optional={
            name: payloads(child)
            for name, child in properties.items()
            if name not in required
        },
    )


def _arrays(document):
    least = document.get("minItems", 0)
    most = min(document.get("maxItems", least + 2), least + 2)
    return st.lists(payloads(document["items"]), min_size=least, max_size=most)


def _strings(document):
    return st.text(TEXT, max_size=min(document.get("maxLength", 40), 40))


def _integers(document):
    return st.integers(
        int(document.get("minimum", -(2**31))), int(document.get("maximum", 2**31 - 1))
    )


def _numbers(document):
    if "multipleOf" in document:
        # Exactly the values that binary floats miss: 8.1 is 81 tenths.
        return st.integers(0, 10**7).map(lambda tenths: tenths / 10)
    low, high = document.get("minimum", -1e9), document.get("maximum", 1e9)
    return st.decimals(Decimal(low), Decimal(high), places=3).map(float)


def _anything(_document):
    return st.recursive(
        st.none() | st.booleans() | st.integers(-10, 10) | st.text(TEXT, max_size=5),
        lambda inner: st.lists(inner, max_size=2),
        max_leaves=3,
    )


_BY_TYPE = {
    "object": _objects,
    "array": _arrays,
    "string": _strings,
    "integer": _integers,
    "number": _numbers,
    "boolean": lambda _document: st.booleans(),
}
