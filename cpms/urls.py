"""Every address of the web process."""

from importlib.util import find_spec

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from cpms.ops.views import healthz, metrics, readyz

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema")),
]
for _room in ("charge_points.api.urls", "settlement.api.urls", "billing.api.urls"):
    _package = _room.rpartition(".")[0]
    if find_spec(_package) is not None:
        urlpatterns.append(path("", include(_room)))
