import pytest
from hypothesis import given, strategies as st

from simulators.psp.errors import ApiError
from simulators.psp.form import Params, check_known, decode
from tests.unit.simulators.psp.harness import flatten

NAMES = st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=6)
TREES = st.recursive(
    st.text(max_size=8),
    lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(NAMES, TREES, max_size=4))
def test_nested_forms_are_read_back(tree):
    from urllib.parse import urlencode  # noqa: PLC0415

    assert decode(urlencode(flatten(tree))) == tree


def test_lists_by_index_and_by_brackets_are_lists():
    assert Params(decode("expand[0]=a&expand[1]=b")).texts("expand") == ["a", "b"]
    assert Params(decode("expand[]=a&expand[]=b")).texts("expand") == ["a", "b"]


@pytest.mark.parametrize(
    "form", ["a=1&a=2", "a[b]=1&a[b]=2", "a=1&a[b]=2", "[x]=1", "a[b=1", "novalue"]
)
def test_broken_or_contradicting_forms_are_refused(form):
    with pytest.raises(ApiError) as refusal:
        decode(form)
    assert refusal.value.status == 400


def test_too_many_and_too_deep_fields_are_refused():
    with pytest.raises(ApiError):
        decode("&".join(f"a{n}=1" for n in range(501)))
    with pytest.raises(ApiError):
        decode("a[b][c][d][e][f][g]=1")


def test_unknown_parameters_are_named():
    with pytest.raises(ApiError) as refusal:
        check_known(decode("amount=1&card[pin]=2"), {"amount", "card.token"})
    assert refusal.value.error["code"] == "parameter_unknown"
    assert refusal.value.error["param"] == "card[pin]"


def test_metadata_and_lists_may_hold_any_inner_name():
    values = decode("metadata[x]=1&expand[0]=y&line_items[0][quantity]=1")
    check_known(values, {"metadata", "expand", "line_items.quantity"})


@pytest.mark.parametrize("text", ["-1", "1.5", "abc", "1e3", "٣", "9" * 19])
def test_only_plain_integers_are_integers(text):
    with pytest.raises(ApiError) as refusal:
        Params({"amount": text}).integer("amount")
    assert refusal.value.error["code"] == "parameter_invalid_integer"


def test_typed_reading():
    params = Params({"n": "0", "yes": "true", "no": "false", "empty": "", "t": "x"})
    assert params.integer("n") == 0
    assert params.integer("absent") is None
    assert params.flag("yes")
    assert not params.flag("no")
    assert params.flag("absent", default=True)
    assert params.text("empty") is None
    assert params.given("empty")
    assert not params.given("absent")
    assert params.choice("t", {"x"}) == "x"
    assert params.choice("absent", {"x"}, "x") == "x"
    assert params.texts("absent") == []
    assert params.items("t") == []


@pytest.mark.parametrize(
    "read",
    [
        lambda p: p.flag("t"),
        lambda p: p.choice("t", {"y"}),
        lambda p: p.need_text("absent"),
        lambda p: p.need_integer("absent"),
        lambda p: p.text("tree"),
        lambda p: p.texts("t"),
        lambda p: p.texts("deep"),
        lambda p: p.metadata(),
    ],
)
def test_wrong_values_are_refused(read):
    params = Params(
        {"t": "x", "tree": {"a": "1"}, "deep": {"0": {"a": "1"}}, "metadata": "x"}
    )
    with pytest.raises(ApiError):
        read(params)


def test_metadata_merges_unsets_and_has_limits():
    assert Params({"metadata": {"a": "", "b": "2"}}).metadata({"a": "1", "c": "3"}) == {
        "b": "2",
        "c": "3",
    }
    assert Params({"metadata": ""}).metadata({"a": "1"}) == {}
    assert Params({}).metadata({"a": "1"}) == {"a": "1"}
    for bad in (
        {f"k{n}": "v" for n in range(51)},
        {"k" * 41: "v"},
        {"k": "v" * 501},
        {"k": {"deep": "v"}},
    ):
        with pytest.raises(ApiError):
            Params({"metadata": bad}).metadata()
