"""Every address of the web process."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language
from drf_spectacular.views import SpectacularAPIView

from cpms.ops.views import healthz, metrics, readyz
from cpms.web.views.interface import InterfacePage

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    path("admin/language/", set_language, name="set_language"),
    path("admin/", include("cpms.accounts.console_urls")),
    path("", include("settlement.admin.opening_urls")),
    path("admin/", include("charge_points.admin.urls")),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", InterfacePage.as_view(url_name="schema")),
    path("", include("cpms.accounts.api.urls")),
    path("", include("charge_points.api.network")),
    path("", include("charge_points.api.station_state")),
    path("", include("settlement.api.books")),
    path("", include("settlement.api.corrections")),
    path("", include("billing.api.mails")),
    path("", include("billing.api.books")),
    path("", include("charge_points.api.urls")),
    path("", include("settlement.api.urls")),
    path("", include("billing.api.urls")),
    path("", include("cpms.notifications.urls")),
    path("", include("cpms.web.urls")),
]

handler400 = "cpms.accounts.api.problems.bad_request"
handler403 = "cpms.accounts.api.problems.forbidden"
handler404 = "cpms.accounts.api.problems.not_found"
handler500 = "cpms.accounts.api.problems.server_error"
