"""What the admin's first page says of the network."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from django.db.models import Count, Q, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from charge_points.admin.filters import ONLINE
from charge_points.models import (
    ChargePoint,
    Command,
    Connector,
    SecurityEvent,
    StationCertificate,
    Transaction,
)
from charge_points.models.states import COMMAND_OPEN
from charge_points.services.public_keys.signing import WARN_BEFORE
from cpms.accounts.admin_pages import kilo, list_url
from cpms.accounts.dashboard import Figure, Panel, Work, WorkList, panel

WORK_SHOWN: Final = 5
RECENT: Final = timedelta(hours=24)
COMMAND_FAILED: Final = ("failed", "rejected", "expired")


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
    faulted = Connector.objects.filter(mine, status=Connector.Status.FAULTED).count()
    model = "charge_points_chargepoint"
    figures = [
        Figure(_("online"), str(stations["online"]), list_url(model, online="yes")),
        _alarm(_("offline"), stations["offline"], list_url(model, online="no")),
        Figure(
            _("charging now"),
            str(charges["running"]),
            list_url("charge_points_transaction", state__exact="active"),
        ),
        Figure(_("power now"), kilo(charges["power_w"] or 0, "kW", 1)),
        _alarm(
            _("faulted connectors"),
            faulted,
            list_url("charge_points_connector", status__exact="faulted"),
        ),
        Figure(_("charge points"), str(stations["known"]), list_url(model)),
    ]
    lists = _lists(mine, pending=stations["pending"], faulted=faulted)
    return Panel(_("Network"), figures, work=list(_work(mine)), lists=lists)


def _lists(mine: Q, *, pending: int, faulted: int) -> list[WorkList]:
    since = timezone.now() - RECENT
    commands = Command.objects.filter(mine).aggregate(
        open=Count("pk", filter=Q(state__in=COMMAND_OPEN)),
        failed=Count("pk", filter=Q(state__in=COMMAND_FAILED, created_at__gte=since)),
    )
    events = SecurityEvent.objects.filter(mine, received_at__gte=since).count()
    asked = "charge_points_command"
    return [
        WorkList(
            _("Charge points waiting to be accepted"),
            pending,
            list_url("charge_points_chargepoint", registration__exact="pending"),
        ),
        WorkList(
            _("Faulted connectors"),
            faulted,
            list_url("charge_points_connector", status__exact="faulted"),
            "danger",
        ),
        WorkList(
            _("Commands that failed in 24 h"),
            commands["failed"],
            list_url(asked, state__in=",".join(COMMAND_FAILED)),
        ),
        WorkList(_("Commands in flight"), commands["open"], list_url(asked), ""),
        WorkList(
            _("Security events in 24 h"),
            events,
            list_url("charge_points_securityevent"),
            "danger",
        ),
        WorkList(
            _("Station certificates that end soon"),
            StationCertificate.objects.filter(
                mine,
                state=StationCertificate.State.INSTALLED,
                not_after__lt=timezone.now() + WARN_BEFORE,
            ).count(),
            list_url("charge_points_stationcertificate", state__exact="installed"),
            "danger",
        ),
    ]


def _alarm(title: str, count: int, url: str) -> Figure:
    """Coloured when there is any."""
    return Figure(title, str(count), url, "danger" if count else "")


def _work(mine: Q) -> Iterator[Work]:
    waiting = ChargePoint.objects.filter(mine, registration="pending")
    for row in waiting.order_by("created_at")[:WORK_SHOWN]:
        url = reverse("admin:charge_points_chargepoint_change", args=[row.pk])
        yield Work(_("%s waits to be accepted") % row.identity, url)
    broken = Connector.objects.filter(mine, status=Connector.Status.FAULTED)
    for place in broken.select_related("charge_point").order_by("status_at")[
        :WORK_SHOWN
    ]:
        url = reverse("admin:charge_points_connector_change", args=[place.pk])
        fault = f": {place.error_code}" if place.error_code else ""
        name = f"{place.charge_point.identity} {place}"
        yield Work(_("%s is faulted") % name + fault, url, "danger")
