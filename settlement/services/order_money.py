"""What settlement says of orders, in sums: for proofs, few statements a batch."""

from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import Sum

from settlement.models import (
    PLATFORM_BOOK,
    Correction,
    LedgerLine,
    Payment,
    Receivable,
    Refund,
    SplitLine,
)
from settlement.services import chart

_OPEN = Receivable.State.OPEN
_GIVEN_UP = Receivable.State.WRITTEN_OFF


@dataclass(slots=True)
class OrderMoney:
    """Sums of one order in minor units.

    Attributes:
        kept_minor: captured less given back, over all payments.
        owed_minor: open debts.
        given_up_minor: debts that were written off.
        earned_minor: revenue less refunds in the operator's book; without what
            somebody posted by hand to explain a difference.
        shared_minor: shares of all parties.
        payees: (operator id, account) of every payment that took money.
        on_its_way: a refund or a correction is not done yet.
    """

    kept_minor: int = 0
    owed_minor: int = 0
    given_up_minor: int = 0
    earned_minor: int = 0
    shared_minor: int = 0
    payees: set[tuple[int, str]] = field(default_factory=set)
    on_its_way: bool = False


def of_orders(numbers: Collection[str]) -> dict[str, OrderMoney]:
    """The sums of many orders; every number has one, also without any money."""
    found = {number: OrderMoney() for number in numbers}
    _payments(found)
    _debts(found)
    _books(found)
    _on_their_way(found)
    return found


def _payments(found: dict[str, OrderMoney]) -> None:
    rows = Payment.objects.filter(order_number__in=found, captured_minor__gt=0)
    for number, operator_id, account, captured, back in rows.values_list(
        "order_number",
        "operator_id",
        "account_reference",
        "captured_minor",
        "refunded_minor",
    ):
        found[number].kept_minor += captured - back
        found[number].payees.add((operator_id, account))


def _debts(found: dict[str, OrderMoney]) -> None:
    rows = Receivable.objects.filter(
        order_number__in=found, state__in=(_OPEN, _GIVEN_UP)
    )
    for number, state, amount in rows.values_list(
        "order_number", "state", "amount_minor"
    ):
        if state == _OPEN:
            found[number].owed_minor += amount
        else:
            found[number].given_up_minor += amount


def _books(found: dict[str, OrderMoney]) -> None:
    lines = LedgerLine.objects.filter(
        entry__order_number__in=found,
        operator_id__gt=PLATFORM_BOOK,
        account__code__in=(chart.SESSION_REVENUE, chart.REFUNDS),
    ).exclude(entry__source="difference.resolved")
    sums = lines.order_by().values_list("entry__order_number")
    for number, total in sums.annotate(total=Sum("amount_minor")):
        found[number].earned_minor = -total
    shares = SplitLine.objects.filter(order_number__in=found).order_by()
    for number, total in shares.values_list("order_number").annotate(
        total=Sum("amount_minor")
    ):
        found[number].shared_minor = total


def _on_their_way(found: dict[str, OrderMoney]) -> None:
    refunds = Refund.objects.filter(
        payment__order_number__in=found, state=Refund.State.PENDING
    ).values_list("payment__order_number", flat=True)
    corrections = (
        Correction.objects.filter(order_number__in=found)
        .exclude(state=Correction.State.DONE)
        .values_list("order_number", flat=True)
    )
    for number in (*refunds, *corrections):
        found[number].on_its_way = True
