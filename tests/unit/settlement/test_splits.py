import pytest
from hypothesis import given, strategies as st

from settlement.services.splits import (
    SOLE_OPERATOR,
    Party,
    SplitSnapshot,
    UnableToAgreeSplit,
    allocate,
    check_parties,
    platform_fee,
)

OPERATOR = Party("operator", "Operator", "operator")
HALVES = (OPERATOR, Party("a", "A", "other", 2500), Party("b", "B", "other", 2500))


def amounts(amount, parties):
    return [share.amount_minor for share in allocate(amount, parties)]


def test_the_designs_example_comes_out_to_the_minor_unit():
    parties = (
        Party("operator", "Operator", "operator", 7000),
        Party("platform", "Platform", "platform", 1000),
        Party("host", "Host", "site_host", 1500),
        Party("supplier", "Supplier", "energy_supplier", 500),
    )

    assert amounts(1001, parties) == [701, 100, 150, 50]
    assert amounts(0, parties) == [0, 0, 0, 0]
    assert amounts(1, parties) == [1, 0, 0, 0]


def test_ties_break_in_the_parties_order():
    assert amounts(2, HALVES) == [1, 1, 0]
    assert amounts(6, HALVES) == [3, 2, 1]


@pytest.mark.parametrize(
    ("amount", "fee"),
    [(0, 0), (10, 10), (99, 99), (100, 100), (1000, 100), (5000, 285), (100_000, 500)],
)
def test_a_platform_fee_has_a_fixed_part_a_minimum_and_a_maximum(amount, fee):
    platform = Party("platform", "P", "platform", 500, 35, 100, 500)

    assert platform_fee(amount, (platform, OPERATOR)) == fee
    assert amounts(amount, (platform, OPERATOR)) == [fee, amount - fee]


def test_claims_are_served_in_order_from_what_is_there():
    greedy = (
        Party("platform", "P", "platform", fixed_minor=30),
        OPERATOR,
        Party("host", "H", "site_host", fixed_minor=50),
    )

    assert amounts(60, greedy) == [30, 0, 30]
    assert amounts(20, greedy) == [20, 0, 0]


@pytest.mark.parametrize("parties", [(), (OPERATOR, OPERATOR), HALVES[1:]])
def test_a_split_without_exactly_one_operator_is_no_split(parties):
    with pytest.raises(ValueError, match="one operator"):
        allocate(100, parties)


def test_a_negative_amount_cannot_be_divided():
    with pytest.raises(ValueError, match="-1"):
        allocate(-1, SOLE_OPERATOR)


limits = st.none() | st.integers(min_value=0, max_value=5_000)


@st.composite
def splits(draw):
    """Any parties that may be agreed, the operator anywhere among them."""
    others = []
    left = 10_000
    for number in range(draw(st.integers(min_value=0, max_value=5))):
        points = draw(st.integers(min_value=0, max_value=left))
        left -= points
        low, high = draw(limits), draw(limits)
        if low is not None and high is not None and low > high:
            low, high = high, low
        role = "platform" if number == 0 else "other"
        fixed = draw(st.integers(min_value=0, max_value=300))
        others.append(Party(f"p{number}", "P", role, points, fixed, low, high))
    others.insert(draw(st.integers(0, len(others))), OPERATOR)
    return tuple(others)


@given(st.integers(min_value=0, max_value=10**12), splits())
def test_shares_add_up_and_nobody_pays_in(amount, parties):
    check_parties(parties)
    shares = allocate(amount, parties)

    assert sum(share.amount_minor for share in shares) == amount
    assert all(share.amount_minor >= 0 for share in shares)
    assert [share.key for share in shares] == [party.key for party in parties]


@given(st.integers(min_value=0, max_value=10**9), splits())
def test_a_share_is_its_exact_part_rounded(amount, parties):
    for party, share in zip(parties, allocate(amount, parties), strict=True):
        if party.role != "operator":
            assert share.amount_minor <= party.claim(amount) + 1
            if party.max_minor is not None:
                assert share.amount_minor <= party.max_minor


@given(
    st.integers(min_value=1, max_value=10**9),
    splits(),
    st.lists(st.integers(min_value=1, max_value=10**8), max_size=4),
)
def test_refunds_on_cumulative_amounts_end_at_zero(amount, parties, parts):
    """Whatever the parts, the differences add up to what was given back."""
    left, booked = amount, [s.amount_minor for s in allocate(amount, parties)]
    for part in [*parts, amount]:
        part = min(part, left)  # noqa: PLW2901
        left -= part
        now = [s.amount_minor for s in allocate(left, parties)]
        deltas = [after - before for after, before in zip(now, booked, strict=True)]
        assert sum(deltas) == -part
        booked = now
    assert booked == [0] * len(parties)


@pytest.mark.parametrize(
    ("parties", "words"),
    [
        ((), "exactly one operator"),
        ((OPERATOR, Party("x", "X", "operator")), "exactly one operator"),
        (
            (OPERATOR, Party("p", "P", "platform"), Party("q", "Q", "platform")),
            "at most one platform",
        ),
        ((OPERATOR, Party("operator", "X", "other")), "key of its own"),
        ((OPERATOR, Party("x", "X", "other", 10_001)), "add up to 10001"),
        (
            (
                Party("operator", "O", "operator", 7000),
                Party("x", "X", "other", 2000),
            ),
            "add up to 9000",
        ),
        (
            (OPERATOR, *(Party(f"p{n}", "P", "other") for n in range(20))),
            "at most 20",
        ),
    ],
)
def test_parties_that_do_not_add_up_are_refused(parties, words):
    with pytest.raises(UnableToAgreeSplit, match=words):
        check_parties(parties)


def test_no_agreement_means_that_everything_is_the_operators():
    snapshot = SplitSnapshot.from_json({})

    assert amounts(999, snapshot.parties) == [999]
