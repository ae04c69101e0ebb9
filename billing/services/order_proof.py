"""The proof order by order: papers = money = ledger, and the right payee.

The ledger's own proof (``ledger_verify``) knows nothing of receipts and owners; this
one asks every order whether its documents, its money and the books say the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.db.models import BigIntegerField, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from billing.models import Cdr, CreditNote, Order, Receipt
from billing.models.order_states import OrderState
from charge_points.queries.ownership import OwnedSpan, owners_of
from settlement.services.order_money import OrderMoney, of_orders

BATCH: Final = 1000
PROBLEMS_MAX: Final = 20
"""Problems that are listed; how many orders are wrong is always told."""


@dataclass(slots=True)
class Report:
    """What was looked at and what is wrong.

    Attributes:
        orders: how many were looked at.
        on_their_way: how many of them wait for a refund or a correction: their
            papers are ahead of their money.
        wrong: how many have a problem.
        problems: the first of them in words.
    """

    orders: int = 0
    on_their_way: int = 0
    wrong: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every order is explained."""
        return self.wrong == 0


@dataclass(slots=True)
class _Papers:
    """Receipts less credit notes, and the last bill (None: none was written)."""

    billed_minor: int = 0
    last_minor: int | None = None


def prove(*, operator_id: int | None = None, number: str = "") -> Report:
    """Prove all orders, those of an operator, or one.

    Orders move while they are looked at: what is wrong is looked at once more at the
    end, and only what still is wrong then is told.
    """
    orders = Order.objects.order_by("pk")
    if operator_id is not None:
        orders = orders.filter(operator_id=operator_id)
    if number:
        orders = orders.filter(number=number)
    report, doubted = Report(), []
    for batch in _batches(orders):
        report.orders += len(batch)
        wrong, waiting = _judge(batch)
        report.on_their_way += waiting
        doubted += sorted(wrong)
    for start in range(0, len(doubted), BATCH):
        again = orders.filter(pk__in=doubted[start : start + BATCH])
        wrong, _ = _judge(list(again))
        report.wrong += len(wrong)
        for problems in wrong.values():
            report.problems += problems
    del report.problems[PROBLEMS_MAX:]
    return report


def _batches(orders: QuerySet[Order]) -> Iterator[list[Order]]:
    last = 0
    while batch := list(orders.filter(pk__gt=last)[:BATCH]):
        yield batch
        last = batch[-1].pk


def _judge(orders: Sequence[Order]) -> tuple[dict[int, list[str]], int]:
    """Problems by order id, and how many orders are on their way."""
    money = of_orders([order.number for order in orders])
    papers = _papers(orders)
    owners = owners_of({order.charge_point for order in orders})
    wrong = {}
    for order in orders:
        sums = money[order.number]
        problems = [
            *_sums(order, sums, papers[order.pk]),
            *_payee(order, sums, owners.get(order.charge_point, [])),
        ]
        if problems:
            wrong[order.pk] = [f"order {order.number}: {text}" for text in problems]
    return wrong, sum(row.on_its_way for row in money.values())


def _papers(orders: Sequence[Order]) -> dict[int, _Papers]:
    found = {order.pk: _Papers() for order in orders}
    receipts = (
        Receipt.objects.filter(order_id__in=found)
        .order_by()
        .values_list("order_id")
        .annotate(total=Sum(Cast(KT("body__amount_minor"), BigIntegerField())))
    )
    for order_id, total in receipts:
        found[order_id].billed_minor += total
    notes = CreditNote.objects.filter(order_id__in=found).order_by()
    for order_id, total in notes.values_list("order_id").annotate(
        total=Sum("amount_minor")
    ):
        found[order_id].billed_minor -= total
    records = Cdr.objects.filter(order_id__in=found, credits=None).order_by("sequence")
    for order_id, amount in records.values_list("order_id", "amount_minor"):
        found[order_id].last_minor = amount
    return found


def _sums(order: Order, money: OrderMoney, papers: _Papers) -> Iterator[str]:
    wanted = money.kept_minor + money.owed_minor + money.given_up_minor
    if money.earned_minor != wanted:
        yield f"paid, owed or given up {wanted}, the ledger says {money.earned_minor}"
    if money.shared_minor != money.kept_minor:
        yield f"kept {money.kept_minor}, the parties got {money.shared_minor}"
    if order.state != OrderState.CLOSED or money.on_its_way:
        return
    if papers.billed_minor != wanted:
        yield (
            f"receipts less credit notes {papers.billed_minor}, paid, owed or given "
            f"up {wanted}"
        )
    if papers.last_minor is not None and papers.last_minor != order.amount_minor:
        yield f"priced {papers.last_minor}, the order says {order.amount_minor}"


def _payee(
    order: Order, money: OrderMoney, owners: Sequence[OwnedSpan]
) -> Iterator[str]:
    """B2: whoever owned the charge point when the charge began is paid, as frozen."""
    frozen = (order.operator_id, (order.payee or {}).get("reference", ""))
    for operator_id, account in sorted(money.payees - {frozen}):
        yield f"operator {operator_id} was paid on {account}, frozen is {frozen}"
    began = order.started_at or order.created_at
    for span in owners:
        if span.holds(began) and span.operator_id != order.operator_id:
            yield (
                f"sold by operator {order.operator_id}, the charge point was "
                f"operator {span.operator_id}'s"
            )
