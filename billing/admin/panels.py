"""What the admin's first page says of orders."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final

from django.db.models import Q, Sum
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.models import Order
from billing.models.order_states import LIVE_STATES, OrderState
from billing.queries import not_going_on
from cpms.accounts.admin_pages import kilo, list_url
from cpms.accounts.dashboard import (
    Figure,
    Panel,
    Work,
    WorkList,
    midnight,
    panel,
    picture,
    zone_of,
)
from cpms.kernel.money import format_minor, from_minor
from cpms.kernel.plots import Series, plot_svg

DAYS_SHOWN: Final = 14
WORK_SHOWN: Final = 5
_DAY: Final = timedelta(days=1)


@panel("orders", place=20)
def orders(operator_ids: Sequence[int]) -> Panel:
    """Running orders, what was sold, and what waits for a decision."""
    mine = Q(operator_id__in=operator_ids)
    today = midnight(zone_of(operator_ids))
    running = Order.objects.filter(mine, state__in=LIVE_STATES).count()
    review = Order.objects.filter(mine, state=OrderState.REVIEW)
    figures = [
        Figure(_("orders running"), str(running), list_url("billing_order")),
        *_sold(mine, today),
    ]
    reviews = WorkList(
        _("Orders under review"),
        review.count(),
        list_url("billing_order", state__exact=OrderState.REVIEW.value),
    )
    work = [
        Work(
            _("Order %(number)s at %(charge_point)s: %(reason)s")
            % {
                "number": row.number,
                "charge_point": row.charge_point,
                "reason": row.review_reason,
            },
            reverse("admin:billing_order_change", args=[row.pk]),
        )
        for row in review.order_by("moved_at")[:WORK_SHOWN]
    ]
    waiting = Order.objects.filter(mine).exclude(correction_reason="")
    work += [
        Work(
            _("Bill of order %(number)s: %(reason)s")
            % {"number": row.number, "reason": row.correction_reason},
            reverse("admin:billing_order_change", args=[row.pk]),
        )
        for row in waiting.order_by("pk")[:WORK_SHOWN]
    ]
    corrections = WorkList(
        _("Bills that wait for a decision"),
        waiting.count(),
        list_url("billing_order", correction="waits"),
    )
    stuck = WorkList(
        _("Orders that do not go on"),
        Order.objects.filter(mine & not_going_on(timezone.now())).count(),
        list_url("billing_order", progress="stuck"),
        "danger",
    )
    return Panel(_("Charging"), figures, work, [reviews, corrections, stuck])


def _sold(mine: Q, today: datetime) -> list[Figure]:
    """Energy and revenue, today and in seven days; revenue by currency."""
    is_today = Q(created_at__gte=today)
    rows = list(
        Order.objects.filter(mine, created_at__gte=today - _DAY * 6)
        .order_by("currency")
        .values("currency")
        .annotate(
            wh=Sum("energy_wh"),
            wh_today=Sum("energy_wh", filter=is_today),
            minor=Sum("amount_minor"),
            minor_today=Sum("amount_minor", filter=is_today),
        )
    )
    wh_today = sum(row["wh_today"] or 0 for row in rows)
    wh = sum(row["wh"] or 0 for row in rows)
    revenue_today = [
        Figure(
            _("revenue today"), format_minor(row["minor_today"] or 0, row["currency"])
        )
        for row in rows
    ]
    revenue = [
        Figure(_("revenue in 7 days"), format_minor(row["minor"] or 0, row["currency"]))
        for row in rows
    ]
    return [
        Figure(_("energy today"), kilo(wh_today, "kWh", 1)),
        *revenue_today,
        Figure(_("energy in 7 days"), kilo(wh, "kWh", 1)),
        *revenue,
    ]


@picture("orders", place=10)
def energy_and_revenue(operator_ids: Sequence[int]) -> str:
    """Energy and revenue by day, revenue in the currency that sells most."""
    zone = zone_of(operator_ids)
    today = midnight(zone).date()
    first = today - _DAY * (DAYS_SHOWN - 1)
    rows = list(
        Order.objects.filter(
            operator_id__in=operator_ids, created_at__gte=_midnight(first, zone)
        )
        .exclude(amount_minor=None)
        .annotate(day=TruncDate("created_at", tzinfo=zone))
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
    days = [first + _DAY * number for number in range(DAYS_SHOWN + 1)]
    energy = [Decimal(_sum(rows, day, "energy_wh")) / 1000 for day in days[:-1]]
    own = [row for row in rows if row["currency"] == best]
    sales = [from_minor(_sum(own, day, "amount_minor"), best) for day in days[:-1]]
    begins = [_midnight(day, zone) for day in days]
    return plot_svg(
        Series(_("Energy per day"), "kWh", _steps(begins, energy), is_step=True),
        Series(_("Revenue per day"), best, _steps(begins, sales), is_step=True),
        zone=zone,
        label=_("Energy and revenue of the last two weeks by day"),
    )


def _sum(rows: Sequence[Mapping[str, Any]], day: date, column: str) -> int:
    return sum(row[column] or 0 for row in rows if row["day"] == day)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, zone)


def _steps(
    begins: Sequence[datetime], values: Sequence[Decimal]
) -> tuple[tuple[datetime, Decimal], ...]:
    """A day's value holds until the next midnight."""
    held = [*values, values[-1]]
    return tuple(zip(begins, held, strict=True))
