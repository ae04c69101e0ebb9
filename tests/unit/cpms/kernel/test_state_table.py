import pytest
from hypothesis import given, strategies as st

from cpms.kernel.errors import DomainError
from cpms.kernel.state_table import IllegalMove, StateTable

DOOR = StateTable("door", {"open": ["shut"], "shut": ["open", "locked"], "locked": []})

names = st.sampled_from("abcde")
tables = st.dictionaries(names, st.sets(names), min_size=1).map(
    lambda moves: {s: after & moves.keys() for s, after in moves.items()}
)


def test_legal_moves_pass():
    DOOR.require("open", "shut")
    DOOR.require("shut", "locked")


@pytest.mark.parametrize(
    ("current", "wanted"),
    [("open", "locked"), ("locked", "open"), ("open", "open"), ("gone", "open")],
)
def test_an_illegal_move_says_what_can_follow(current, wanted):
    with pytest.raises(IllegalMove) as caught:
        DOOR.require(current, wanted)

    assert caught.value.code == "illegal_move"
    assert caught.value.status == 409
    assert f"The door is {current}" in caught.value.message
    assert caught.value.extra == {"current": current, "wanted": wanted}


def test_an_end_says_that_nothing_follows():
    with pytest.raises(IllegalMove, match="only nothing can"):
        DOOR.require("locked", "open")


def test_a_table_knows_its_states_ends_and_sources():
    assert DOOR.states == ("open", "shut", "locked")
    assert DOOR.final == {"locked"}
    assert DOOR.sources("open") == ("shut",)
    assert DOOR.sources("gone") == ()


def test_a_move_to_an_unknown_state_is_refused_when_the_table_is_made():
    with pytest.raises(ValueError, match=r"door: states without a row: \['ajar'\]"):
        StateTable("door", {"open": ["ajar"]})


@given(tables, names, names)
def test_requiring_is_allowing(moves, current, wanted):
    table = StateTable("thing", moves)

    allowed = wanted in moves.get(current, ())
    assert table.allows(current, wanted) == allowed
    assert (current in table.sources(wanted)) == allowed
    if allowed:
        table.require(current, wanted)
    else:
        with pytest.raises(IllegalMove):
            table.require(current, wanted)


@given(tables)
def test_only_ends_lead_nowhere(moves):
    table = StateTable("thing", moves)

    for state in table.states:
        leads = any(table.allows(state, other) for other in table.states)
        assert leads == (state not in table.final)


def test_an_error_may_bring_its_own_status():
    assert DomainError("gone", "It is gone.", http_status=410).status == 410
    assert DomainError("no", "No.").status == 409
    assert str(DomainError("no", "It does not do.")) == "no: It does not do."
