"""What the admin's first page says of orders."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils import timezone

from billing.models import Order
from billing.models.order_states import LIVE_STATES, OrderState
from cpms.accounts.admin_pages import kilo, list_url
from cpms.accounts.dashboard import Figure, Panel, Work, panel
from cpms.kernel.money import format_minor, from_minor
from cpms.kernel.plots import Series, plot_svg

DAYS_SHOWN: Final = 14
WORK_SHOWN: Final = 5
RECENT: Final = timedelta(hours=24)
_DAY: Final = timedelta(days=1)


@panel("orders", place=20)
def orders(operator_ids: Sequence[int]) -> Panel:
    """Running orders, the last day's sales, and two weeks as a picture."""
    now = timezone.now()
    mine = Q(operator_id__in=operator_ids)
    recent = Order.objects.filter(mine, created_at__gte=now - RECENT).aggregate(
        count=Count("pk"), energy_wh=Sum("energy_wh")
    )
    sales = list(
        Order.objects.filter(mine, created_at__gte=now - RECENT)
        .exclude(amount_minor=None)
        .order_by("currency")
        .values_list("currency")
        .annotate(total=Sum("amount_minor"))
    )
    running = Order.objects.filter(mine, state__in=LIVE_STATES).count()
    review = Order.objects.filter(mine, state=OrderState.REVIEW)
    reviews = review.count()
    figures = [
        Figure("orders running", str(running), list_url("billing_order")),
        Figure("orders in 24 h", str(recent["count"]), list_url("billing_order")),
        Figure("energy in 24 h", kilo(recent["energy_wh"] or 0, "kWh", 1)),
        *(
            Figure("sales in 24 h", format_minor(total, currency))
            for currency, total in sales
        ),
        Figure(
            "under review",
            str(reviews),
            list_url("billing_order", state__exact=OrderState.REVIEW.value),
            "warning" if reviews else "",
        ),
    ]
    work = [
        Work(
            f"Order {row.number} at {row.charge_point}: {row.review_reason}",
            reverse("admin:billing_order_change", args=[row.pk]),
        )
        for row in review.order_by("moved_at")[:WORK_SHOWN]
    ]
    return Panel("Charging", figures, _picture(mine, today=now.date()), work)


def _picture(mine: Q, *, today: date) -> str:
    """Energy and sales by day (UTC), sales in the currency that sells most."""
    first = today - _DAY * (DAYS_SHOWN - 1)
    rows = list(
        Order.objects.filter(mine, created_at__gte=_midnight(first))
        .exclude(amount_minor=None)
        .annotate(day=TruncDate("created_at", tzinfo=UTC))
        .order_by("day")
        .values("day", "currency")
        .annotate(energy_wh=Sum("energy_wh"), amount_minor=Sum("amount_minor"))
    )
    if not rows:
        return ""
    totals: dict[str, int] = {}
    for row in rows:
        currency = row["currency"]
        totals[currency] = totals.get(currency, 0) + (row["amount_minor"] or 0)
    best = max(totals, key=lambda currency: totals[currency])
    days = [first + _DAY * number for number in range(DAYS_SHOWN)]
    energy = [_sum(rows, day, "energy_wh") for day in days]
    sales = [
        _sum([row for row in rows if row["currency"] == best], day, "amount_minor")
        for day in days
    ]
    return plot_svg(
        _steps("Energy per day", "kWh", days, [Decimal(wh) / 1000 for wh in energy]),
        _steps("Sales per day", best, days, [from_minor(m, best) for m in sales]),
        zone=UTC,
        label="Energy and sales of the last two weeks by day",
    )


def _sum(rows: Sequence[Mapping[str, Any]], day: date, column: str) -> int:
    return sum(row[column] or 0 for row in rows if row["day"] == day)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _steps(
    name: str, unit: str, days: Sequence[date], values: Sequence[Decimal]
) -> Series:
    """A day's value holds until the next midnight."""
    points = [(_midnight(day), value) for day, value in zip(days, values, strict=True)]
    points.append((_midnight(days[-1] + _DAY), values[-1]))
    return Series(name, unit, tuple(points), is_step=True)
