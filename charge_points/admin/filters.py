"""Filters of the network's lists; each offers the user's own values only."""

from typing import TYPE_CHECKING, Any, Final

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from charge_points.models import Connector, Site
from charge_points.ocpp.versions import VERSIONS
from cpms.accounts.admin import request_operator_ids

if TYPE_CHECKING:
    from django.contrib import admin

SITES_MAX: Final = 200
"""More sites than this are found by the search field, not by a list."""

ONLINE: Final = Q(connected_at__isnull=False, disconnected_at__isnull=True)


class OnlineFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """Whether a charge point is connected."""

    title = _("connection")
    parameter_name = "online"

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
    ) -> list[tuple[str, str]]:
        """The three cases."""
        del request, model_admin
        return [
            ("yes", str(_("online"))),
            ("no", str(_("offline"))),
            ("never", str(_("never connected"))),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter; unknown words change nothing."""
        del request
        match self.value():
            case "yes":
                return queryset.filter(ONLINE)
            case "no":
                return queryset.filter(disconnected_at__isnull=False)
            case "never":
                return queryset.filter(connected_at__isnull=True)
        return queryset


class ConnectorStatusFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """Charge points with a connector in this state."""

    title = _("connector state")
    parameter_name = "status"

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
    ) -> list[tuple[str, str]]:
        """All states."""
        del request, model_admin
        return [(value, str(label)) for value, label in Connector.Status.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter without doubling stations that have two such connectors."""
        del request
        if not self.value():
            return queryset
        rows = Connector.objects.filter(status=self.value())
        return queryset.filter(pk__in=rows.values("charge_point_id"))


class VersionFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """By OCPP version."""

    title = _("OCPP version")
    parameter_name = "version"

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
    ) -> list[tuple[str, str]]:
        """The versions that the gateway speaks."""
        del request, model_admin
        return [(version, version) for version in VERSIONS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter."""
        del request
        value = self.value()
        return queryset.filter(ocpp_version=value) if value else queryset


class SiteFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """By site, offering the user's own ones."""

    title = _("site")
    parameter_name = "site"
    path = "site_id"

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
    ) -> list[tuple[int, str]]:
        """Ids and names."""
        del model_admin
        rows = Site.objects.order_by("name")
        if not request.user.is_superuser:
            rows = rows.filter(operator_id__in=request_operator_ids(request))
        return list(rows.values_list("pk", "name")[:SITES_MAX])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter; a value that is no number finds nothing."""
        del request
        value = self.value()
        if not value:
            return queryset
        if not str(value).isdecimal():
            return queryset.none()
        return queryset.filter(**{self.path: int(value)})


class StationSiteFilter(SiteFilter):
    """By the site of the row's charge point."""

    path = "charge_point__site_id"
