"""Transactions: the charge as the station told it, with its meter values."""

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from charge_points.admin.filters import StationSiteFilter
from charge_points.admin.plotting import MeterPoint, meter_plot
from charge_points.models import (
    MeterValue,
    Transaction,
    TransactionEvent,
    TransactionPhase,
)
from cpms.accounts.admin_pages import (
    TONES,
    OperatorFilter,
    PageAdmin,
    kilo,
    link,
    order_url,
    state,
    utc,
)
from cpms.accounts.exports import ExportAdmin, field
from cpms.kernel.zones import zone_named

METER_ROWS: Final = 100
PLOT_ROWS_MAX: Final = 20_000
EVENTS_SHOWN: Final = 500
CLOCK_SLACK: Final = timedelta(days=1)
"""Meter values are partitioned by time, so they are looked for around the charge."""


def energy_so_far_wh(row: Transaction) -> Decimal | None:
    """Settled energy of an ended charge, else what the register gained."""
    if row.energy_wh is not None:
        return row.energy_wh
    if row.last_energy_wh is None or row.meter_start_wh is None:
        return None
    return max(row.last_energy_wh - row.meter_start_wh, Decimal(0))


def meter_values_of(row: Transaction) -> QuerySet[MeterValue]:
    """All its meter values, from few partitions."""
    until = max(row.ended_at or row.last_seen_at, row.last_seen_at)
    return MeterValue.objects.filter(
        transaction=row,
        sampled_at__gte=row.started_at - CLOCK_SLACK,
        sampled_at__lte=until + CLOCK_SLACK,
    )


def signed_rows(row: Transaction) -> list[dict[str, Any]]:
    """Each signed value with what became of it; unchecked while the charge runs."""
    checks = [*row.signature_checks, *[{}] * len(row.signed_values)]
    return [
        {"value": value, "check": check}
        for value, check in zip(row.signed_values, checks, strict=False)
    ]


@admin.register(Transaction)
class TransactionAdmin(ExportAdmin, PageAdmin):
    """OCPP transactions of the operator's charge points."""

    page_template = "charge_points/transaction.html"
    export_related = ("operator", "charge_point")
    export_columns = (
        field("charge_point.identity", "charge_point"),
        field("operator.code", "operator"),
        field("evse_number"),
        field("connector_number"),
        field("ocpp_id"),
        field("order_number", "order"),
        field("state"),
        field("started_by"),
        field("started_at"),
        field("ended_at"),
        field("meter_start_wh"),
        field("meter_stop_wh"),
        field("energy_wh"),
        field("stop_reason"),
    )
    list_display = (
        "started",
        "station",
        "place",
        "status",
        "started_by",
        "energy",
        "power",
        "order",
        "token",
        "stop_reason",
        "operator",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("started_by", ChoicesDropdownFilter),
        ("signature_status", ChoicesDropdownFilter),
        StationSiteFilter,
        OperatorFilter,
    )
    search_fields = ("=ocpp_id", "=order_number", "id_token", "charge_point__identity")
    search_help_text = _("Transaction id, order number, token or charge point")
    list_select_related = ("operator", "charge_point")
    date_hierarchy = "started_at"
    ordering = ("-started_at", "-id")

    @display(description=_("Started (UTC)"), ordering="started_at")  # type: ignore[untyped-decorator]
    def started(self, row: Transaction) -> str:
        """When, in UTC."""
        return utc(row.started_at)

    @display(description=_("Charge point"), ordering="charge_point__identity")  # type: ignore[untyped-decorator]
    def station(self, row: Transaction) -> str:
        """With the way to its page."""
        address = reverse(
            "admin:charge_points_chargepoint_change", args=[row.charge_point_id]
        )
        return link(address, row.charge_point.identity)

    @display(description=_("EVSE"))  # type: ignore[untyped-decorator]
    def place(self, row: Transaction) -> str:
        """The numbers."""
        return f"{row.evse_number}.{row.connector_number}"

    @display(description=_("State"), label=TONES, ordering="state")  # type: ignore[untyped-decorator]
    def status(self, row: Transaction) -> tuple[str, str]:
        """Its state."""
        return state(row.state)

    @display(description=_("Energy"), ordering="energy_wh")  # type: ignore[untyped-decorator]
    def energy(self, row: Transaction) -> str:
        """So far, or in all."""
        return kilo(energy_so_far_wh(row), "kWh")

    @display(description=_("Power"))  # type: ignore[untyped-decorator]
    def power(self, row: Transaction) -> str:
        """Of a running charge, as last told."""
        if row.state == Transaction.State.ENDED:
            return ""
        return kilo(row.last_power_w, "kW", 1)

    @display(description=_("Token"), ordering="id_token")  # type: ignore[untyped-decorator]
    def token(self, row: Transaction) -> str:
        """What it was started with, where that is not the order's number."""
        return "" if row.id_token == row.order_number else row.id_token

    @display(description=_("Order"), ordering="order_number")  # type: ignore[untyped-decorator]
    def order(self, row: Transaction) -> str:
        """The order that it serves."""
        return link(order_url(row.order_number), row.order_number)

    def page(self, request: HttpRequest, row: Transaction) -> dict[str, Any]:
        """Facts, plot, phases, events, meter values."""
        site = row.charge_point.site
        zone = zone_named(site.time_zone)
        values = meter_values_of(row)
        newest = values.order_by("-sampled_at", "context", "digest")
        page = Paginator(newest, METER_ROWS).get_page(request.GET.get("page"))
        phases = TransactionPhase.objects.filter(transaction=row).order_by("starts_at")
        events = TransactionEvent.objects.filter(transaction=row).order_by("seq_no")
        return {
            "title": f"{row.charge_point.identity}: {row}",
            "zone": zone,
            "site": site,
            "energy_so_far_wh": energy_so_far_wh(row),
            "is_active": row.state != Transaction.State.ENDED,
            "plot": self._plot(row, values, zone),
            "phases": list(phases),
            "events": list(events[:EVENTS_SHOWN]),
            "page": page,
            "signed": signed_rows(row),
        }

    def _plot(
        self,
        row: Transaction,
        values: QuerySet[MeterValue],
        zone: Any,  # noqa: ANN401
    ) -> SafeString:
        found = values.order_by("sampled_at").values_list(
            "sampled_at", "energy_wh", "power_w"
        )
        points = [MeterPoint(*told) for told in found[:PLOT_ROWS_MAX]]
        picture = meter_plot(points, begins_wh=row.meter_start_wh, zone=zone)
        return mark_safe(picture)  # noqa: S308 - numbers and escaped texts only
