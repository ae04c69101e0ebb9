"""When, and for whom, a tariff itself says that it may be sold (OCPI, Tariff object).

A rule says where a tariff applies; beside it the tariff object may bound itself:
``start_date_time`` (inclusive), ``end_date_time`` (exclusive) and ``type``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing.models import TariffAssignment
from billing.pricing import Tariff, TariffType, validity_of

TokenType = TariffAssignment.TokenType


@dataclass(frozen=True, slots=True)
class Condition:
    """What is asked of a charge, and what the charge has."""

    name: str
    wanted: str
    actual: str
    holds: bool


def instant_text(at: datetime) -> str:
    """An instant in UTC, to the minute, for people."""
    return f"{at:%Y-%m-%d %H:%M}Z"


def own_conditions(
    ocpi: Mapping[str, Any], *, token_type: str, at: datetime
) -> Iterable[Condition]:
    """What a tariff asks of a charge by itself; what it does not state asks nothing.

    Args:
        ocpi: the version of the tariff that is looked at; it was parsed when it was
            saved.
        token_type: who starts, a TokenType of OCPI; empty when not known.
        at: start of the charge.
    """
    validity = validity_of(ocpi)
    now = instant_text(at)
    if validity.type is TariffType.AD_HOC_PAYMENT:
        wanted = str(TokenType.AD_HOC_USER)
        yield Condition("tariff type", wanted, token_type, token_type == wanted)
    if validity.start_at is not None:
        wanted = instant_text(validity.start_at)
        yield Condition("tariff start", wanted, now, validity.start_at <= at)
    if validity.end_at is not None:
        yield Condition(
            "tariff end", instant_text(validity.end_at), now, at < validity.end_at
        )


def never_sold(tariff: Tariff, *, begins_at: datetime) -> bool:
    """Whether a version that applies from ``begins_at`` on is over before that."""
    return tariff.end_at is not None and tariff.end_at <= begins_at
