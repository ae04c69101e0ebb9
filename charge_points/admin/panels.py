"""What the admin's first page says of the network."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from django.db.models import Count, Q, Sum
from django.urls import reverse
from django.utils import timezone

from charge_points.admin.filters import ONLINE
from charge_points.models import (
    ChargePoint,
    Command,
    Connector,
    SecurityEvent,
    Transaction,
)
from charge_points.models.states import COMMAND_OPEN
from cpms.accounts.admin_pages import kilo, list_url
from cpms.accounts.dashboard import Figure, Panel, Work, panel

WORK_SHOWN: Final = 5
RECENT: Final = timedelta(hours=24)


@panel("network", place=10)
def network(operator_ids: Sequence[int]) -> Panel:
    """Who is online, what charges, what is broken; a fixed number of statements."""
    mine = Q(operator_id__in=operator_ids)
    stations = ChargePoint.objects.filter(mine).aggregate(
        known=Count("pk"),
        online=Count("pk", filter=ONLINE),
        offline=Count("pk", filter=Q(disconnected_at__isnull=False)),
        pending=Count("pk", filter=Q(registration="pending")),
    )
    charges = Transaction.objects.filter(
        mine, state=Transaction.State.ACTIVE
    ).aggregate(running=Count("pk"), power_w=Sum("last_power_w"))
    faulted = Connector.objects.filter(mine, status=Connector.Status.FAULTED)
    asked = Command.objects.filter(mine, state__in=COMMAND_OPEN)
    events = SecurityEvent.objects.filter(
        mine, received_at__gte=timezone.now() - RECENT
    )
    model = "charge_points_chargepoint"
    figures = [
        Figure("charge points", str(stations["known"]), list_url(model)),
        Figure("online", str(stations["online"]), list_url(model, online="yes")),
        _alarm("offline", stations["offline"], list_url(model, online="no")),
        _alarm(
            "waiting to be accepted",
            stations["pending"],
            list_url(model, registration__exact="pending"),
        ),
        Figure(
            "charging now",
            str(charges["running"]),
            list_url("charge_points_transaction", state__exact="active"),
        ),
        Figure("power now", kilo(charges["power_w"] or 0, "kW", 1)),
        _alarm(
            "faulted connectors",
            faulted.count(),
            list_url("charge_points_connector", status__exact="faulted"),
        ),
        Figure(
            "commands in flight", str(asked.count()), list_url("charge_points_command")
        ),
        _alarm(
            "security events in 24 h",
            events.count(),
            list_url("charge_points_securityevent"),
        ),
    ]
    return Panel("Network", figures, work=list(_work(mine)))


def _alarm(title: str, count: int, url: str) -> Figure:
    """Coloured when there is any."""
    return Figure(title, str(count), url, "danger" if count else "")


def _work(mine: Q) -> Iterator[Work]:
    waiting = ChargePoint.objects.filter(mine, registration="pending")
    for row in waiting.order_by("created_at")[:WORK_SHOWN]:
        url = reverse("admin:charge_points_chargepoint_change", args=[row.pk])
        yield Work(f"{row.identity} waits to be accepted", url)
    broken = Connector.objects.filter(mine, status=Connector.Status.FAULTED)
    for place in broken.select_related("charge_point").order_by("status_at")[
        :WORK_SHOWN
    ]:
        url = reverse("admin:charge_points_connector_change", args=[place.pk])
        fault = f": {place.error_code}" if place.error_code else ""
        yield Work(
            f"{place.charge_point.identity} {place} is faulted{fault}", url, "danger"
        )
