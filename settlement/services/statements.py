"""Statements: what each party of the splits got in a period, line by line.

The lines are the split lines themselves, so a statement adds up to what was captured
and refunded; other parties than the platform are paid by the operator from its own
bank account, never through the platform.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, Q, QuerySet, Sum

from settlement.models import SplitLine

CHUNK: Final = 2_000


@dataclass(frozen=True, slots=True)
class Period:
    """``[starts_at, ends_at)`` of one operator; ``party`` empty = all parties."""

    operator_id: int
    starts_at: datetime
    ends_at: datetime
    party: str = ""


@dataclass(frozen=True, slots=True)
class PartyTotal:
    """What one party got in one currency; given back is negative."""

    party: str
    name: str
    role: str
    currency: str
    captured_minor: int
    given_back_minor: int
    total_minor: int
    charges: int


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One share of one capture or refund."""

    at: datetime
    order_number: str
    kind: str
    party: str
    name: str
    role: str
    amount_minor: int
    currency: str


def totals(period: Period) -> list[PartyTotal]:
    """Each party's sums, by party and currency."""
    rows = (
        _rows(period)
        .order_by("party", "currency", "role")
        .values("party", "currency", "role")
        .annotate(
            captured=Sum("amount_minor", filter=Q(kind=SplitLine.Kind.CAPTURE)),
            back=Sum("amount_minor", filter=Q(kind=SplitLine.Kind.REFUND)),
            charges=Count("payment_id", distinct=True),
        )
    )
    names = _names(period)
    return [
        PartyTotal(
            party=row["party"],
            name=names[row["party"]],
            role=row["role"],
            currency=row["currency"],
            captured_minor=row["captured"] or 0,
            given_back_minor=row["back"] or 0,
            total_minor=(row["captured"] or 0) + (row["back"] or 0),
            charges=row["charges"],
        )
        for row in rows
    ]


def _names(period: Period) -> dict[str, str]:
    """The latest name of each party: agreements may rename it."""
    rows = _rows(period).order_by("party", "-pk").distinct("party")
    return dict(rows.values_list("party", "name"))


def lines(period: Period) -> Iterator[StatementLine]:
    """The statement's lines, oldest first, without holding them all at once."""
    rows = (
        _rows(period)
        .order_by("at", "pk")
        .values_list(
            "at",
            "order_number",
            "kind",
            "party",
            "name",
            "role",
            "amount_minor",
            "currency",
        )
    )
    for row in rows.iterator(chunk_size=CHUNK):
        yield StatementLine(*row)


def _rows(period: Period) -> QuerySet[SplitLine]:
    rows = SplitLine.objects.filter(
        operator_id=period.operator_id,
        at__gte=period.starts_at,
        at__lt=period.ends_at,
    )
    return rows.filter(party=period.party) if period.party else rows
