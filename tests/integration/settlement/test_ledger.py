import pytest
from django.db import connection, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings, strategies as st

from cpms.accounts.tenancy import acting_for
from settlement.models import PLATFORM_BOOK, LedgerAccount, LedgerEntry, LedgerLine
from settlement.services import ledger
from settlement.services.ledger import Posting, UnableToPost
from tests.integration.settlement.world import AT, later


def posting(operator, key="a", **values):
    return Posting(
        operator_id=operator.pk,
        source="test",
        key=key,
        effective_at=AT,
        lines=(("bank", "EUR", 500), ("session_revenue", "EUR", -500)),
        **values,
    )


def check_now():
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def refused(code, *postings):
    with pytest.raises(UnableToPost) as caught:
        ledger.post_many(postings)
    assert caught.value.code == code


def test_posting_opens_the_accounts_with_their_types(operator):
    ledger.post_many([posting(operator)])

    accounts = LedgerAccount.objects.values_list("code", "type", "currency")
    assert set(accounts) == {
        ("bank", "asset", "EUR"),
        ("session_revenue", "income", "EUR"),
    }


def test_the_same_posting_again_changes_nothing(operator):
    first = ledger.post_many([posting(operator), posting(operator, "b")])

    assert ledger.post_many([posting(operator, "b"), posting(operator)]) == first[::-1]
    assert LedgerEntry.objects.count() == 2
    assert LedgerLine.objects.count() == 4


def test_twice_in_one_call_is_posted_once(operator):
    ids = ledger.post_many([posting(operator), posting(operator)])

    assert ids[0] == ids[1]
    assert LedgerLine.objects.count() == 2


def test_other_lines_under_a_known_key_are_refused(operator):
    ledger.post_many([posting(operator)])
    lines = (("bank", "EUR", 501), ("session_revenue", "EUR", -501))
    other_amount = Posting(
        operator_id=operator.pk, source="test", key="a", effective_at=AT, lines=lines
    )

    refused("posting_differs", other_amount)
    refused("posting_differs", posting(operator, "b"), _other_amount(operator, "b"))
    assert not LedgerEntry.objects.filter(key="b").exists()


def _other_amount(operator, key):
    lines = (("bank", "EUR", 7), ("session_revenue", "EUR", -7))
    return Posting(
        operator_id=operator.pk, source="test", key=key, effective_at=AT, lines=lines
    )


def test_another_operators_key_is_not_answered_with_its_entry(operator, other):
    ledger.post_many([posting(operator)])

    refused("posting_differs", posting(other))


def test_another_operators_key_is_refused_in_the_web_too(operator, other, as_role):
    ledger.post_many([posting(operator)])
    with as_role("app"), acting_for([other.pk]):
        refused("posting_differs", posting(other))


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((("bank", "EUR", 5),), "unbalanced"),
        ((), "unbalanced"),
        ((("bank", "EUR", 5), ("refunds", "EUR", -4)), "unbalanced"),
        ((("bank", "EUR", 5), ("refunds", "USD", -5)), "unbalanced"),
        ((("bank", "EUR", 5), ("bank", "EUR", 0), ("bank", "EUR", -5)), "unbalanced"),
        ((("bank", "EUR", 5), ("pocket", "EUR", -5)), "unknown_account"),
        ((("bank", "EUR", 5), ("payable:", "EUR", -5)), "unknown_account"),
        ((("bank", "EUR", 5), ("application_fees", "EUR", -5)), "unknown_account"),
        ((("bank", "EUR", 5), ("operator_funds_held", "EUR", -5)), "unknown_account"),
    ],
)
def test_a_bad_posting_is_refused_with_its_reason(operator, lines, code):
    bad = Posting(
        operator_id=operator.pk, source="test", key="x", effective_at=AT, lines=lines
    )

    refused(code, posting(operator), bad)
    assert not LedgerEntry.objects.exists()


def test_the_platforms_book_takes_fees_only(operator):
    lines = (("bank", "EUR", 5), ("application_fees", "EUR", -5))
    refused(
        "unknown_account",
        Posting(
            operator_id=PLATFORM_BOOK,
            source="test",
            key="x",
            effective_at=AT,
            lines=lines,
        ),
    )


def test_too_many_postings_are_refused(operator):
    refused("too_many", *[posting(operator)] * (ledger.ENTRIES_MAX + 1))


def test_no_postings_are_no_work(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert ledger.post_many([]) == []


def test_a_thousand_postings_take_as_many_statements_as_one(
    operator, django_assert_num_queries
):
    ledger.post_many([posting(operator, "first")])
    with django_assert_num_queries(2):  # its savepoint
        ledger.post_many([posting(operator, f"k{n}") for n in range(1000)])
    check_now()
    assert LedgerEntry.objects.count() == 1001


def test_a_reversal_mirrors_its_entry_once(operator):
    entry = ledger.post_many([posting(operator, order_number="A1")])[0]

    back = ledger.reverse(
        entry_id=entry, key="wrong amount", effective_at=later(days=1)
    )

    assert ledger.reverse(entry_id=entry, key="wrong amount", effective_at=AT) == back
    check_now()
    sums = LedgerLine.objects.values("account").annotate(total=Sum("amount_minor"))
    assert {row["total"] for row in sums} == {0}
    reversal = LedgerEntry.objects.get(pk=back)
    assert (reversal.reverses_id, reversal.order_number) == (entry, "A1")
    with pytest.raises(UnableToPost, match="reversed already"):
        ledger.reverse(entry_id=entry, key="again", effective_at=AT)
    with pytest.raises(UnableToPost, match="unknown_entry"):
        ledger.reverse(entry_id=10**9, key="x", effective_at=AT)


AMOUNTS = st.integers(min_value=-(10**12), max_value=10**12).filter(bool)
CODES = st.sampled_from(["bank", "refunds", "disputes", "split:host", "payable:host"])
CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD"])


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.lists(st.tuples(CODES, CURRENCIES, AMOUNTS), max_size=6),
        min_size=1,
        max_size=4,
    )
)
def test_the_service_takes_exactly_what_postgresql_takes(operator, entries):
    """Balanced lists are posted whole and stay balanced; others change nothing."""
    balanced = all(
        len(lines) >= 2
        and not any(
            sum(amount for _, currency, amount in lines if currency == wanted)
            for wanted in {currency for _, currency, _ in lines}
        )
        for lines in entries
    )
    before = LedgerLine.objects.count()
    made = [
        Posting(
            operator_id=operator.pk,
            source="property",
            key=f"{before}-{number}-{id(entries)}",
            effective_at=AT,
            lines=tuple(lines),
        )
        for number, lines in enumerate(entries)
    ]
    if balanced:
        ledger.post_many(made)
        check_now()
        assert LedgerLine.objects.count() == before + sum(map(len, entries))
        return
    with pytest.raises(UnableToPost), transaction.atomic():
        ledger.post_many(made)
    assert LedgerLine.objects.count() == before


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(CODES, CURRENCIES, AMOUNTS), min_size=1, max_size=5))
def test_every_balanced_posting_is_taken(operator, lines):
    before = LedgerEntry.objects.count()
    mirrored = [*lines, *((code, cur, -amount) for code, cur, amount in lines)]

    ledger.post(
        operator_id=operator.pk,
        source="mirror",
        key=f"{before}",
        effective_at=AT,
        lines=mirrored,
    )
    check_now()

    for currency in ("EUR", "JPY", "KWD"):
        total = LedgerLine.objects.filter(currency=currency).aggregate(
            total=Sum("amount_minor")
        )["total"]
        assert not total
