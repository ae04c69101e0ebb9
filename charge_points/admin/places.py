"""The network on the console's map, and how busy it is."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from charge_points.models import ChargePoint, Connector, Site
from cpms.accounts.admin_pages import list_url
from cpms.accounts.dashboard import Place, midnight, picture, places, zone_of
from cpms.kernel.plots import Series, plot_svg

PLACES_MAX: Final = 500
"""More sites than this are found by the list of sites."""
DAYS_SHOWN: Final = 14
CHARGE_MAX: Final = timedelta(days=30)
"""A charge that began earlier does not count as use: it was forgotten, not charged."""
_DAY: Final = timedelta(days=1)
_BUSY: Final = """
SELECT day.number, sum(extract(epoch FROM
  least(coalesce(charge.ended_at, %(now)s), day.ends)
  - greatest(charge.started_at, day.begins)))
FROM unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[])
  WITH ORDINALITY AS day (begins, ends, number)
JOIN charge_points_transaction AS charge
  ON charge.operator_id = ANY(%(operators)s) AND charge.state <> 'refused'
 AND charge.started_at >= %(oldest)s
 AND charge.started_at < day.ends AND coalesce(charge.ended_at, %(now)s) > day.begins
GROUP BY day.number
"""


@places
def sites(operator_ids: Sequence[int]) -> list[Place]:
    """The operators' sites by name; three statements, however many there are."""
    rows = list(
        Site.objects.filter(operator_id__in=operator_ids).order_by("name")[:PLACES_MAX]
    )
    ids = [row.pk for row in rows]
    offline = dict(
        ChargePoint.objects.filter(site_id__in=ids, disconnected_at__isnull=False)
        .values_list("site_id")
        .annotate(number=Count("pk"))
    )
    status = Connector.Status
    counted = {
        row["charge_point__site_id"]: dict(row)
        for row in Connector.objects.filter(charge_point__site_id__in=ids)
        .values("charge_point__site_id")
        .annotate(
            known=Count("pk"),
            free=Count("pk", filter=Q(status=status.AVAILABLE)),
            charging=Count("pk", filter=Q(status=status.CHARGING)),
            faulted=Count("pk", filter=Q(status=status.FAULTED)),
        )
    }
    return [
        _place(row, counted.get(row.pk, {}), offline.get(row.pk, 0)) for row in rows
    ]


def _place(row: Site, counted: dict[str, Any], offline: int) -> Place:
    has_point = row.latitude is not None and row.longitude is not None
    return Place(
        name=row.name,
        url=list_url("charge_points_chargepoint", site=row.pk),
        latitude=float(row.latitude or 0) if has_point else None,
        longitude=float(row.longitude or 0) if has_point else None,
        known=counted.get("known", 0),
        free=counted.get("free", 0),
        charging=counted.get("charging", 0),
        faulted=counted.get("faulted", 0),
        offline=offline,
    )


@picture("utilisation", place=20)
def utilisation(operator_ids: Sequence[int]) -> str:
    """Share of the connectors' time with a charge, by day; "" without connectors."""
    connectors = Connector.objects.filter(operator_id__in=operator_ids).count()
    if not connectors:
        return ""
    zone = zone_of(operator_ids)
    today = midnight(zone)
    begins = [today - _DAY * (DAYS_SHOWN - 1 - number) for number in range(DAYS_SHOWN)]
    busy_s = _busy_seconds(operator_ids, begins)
    if not any(busy_s):
        return ""
    shares = [_percent(seconds, connectors) for seconds in busy_s]
    points = tuple(zip([*begins, today + _DAY], [*shares, shares[-1]], strict=True))
    return plot_svg(
        Series(_("Utilisation per day"), "%", points, is_step=True),
        zone=zone,
        label=_("Share of the connectors' time with a charge, by day"),
    )


def _busy_seconds(
    operator_ids: Sequence[int], begins: Sequence[datetime]
) -> list[Decimal]:
    with connection.cursor() as cursor:
        cursor.execute(
            _BUSY,
            {
                "now": timezone.now(),
                "begins": list(begins),
                "ends": [begin + _DAY for begin in begins],
                "operators": list(operator_ids),
                "oldest": begins[0] - CHARGE_MAX,
            },
        )
        found = dict(cursor.fetchall())
    return [Decimal(found.get(number + 1) or 0) for number in range(len(begins))]


def _percent(busy_s: Decimal, connectors: int) -> Decimal:
    share = busy_s * 100 / (connectors * Decimal(86_400))
    return min(share, Decimal(100)).quantize(Decimal("0.01"))
