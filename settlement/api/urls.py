"""Addresses of settlement."""

from django.urls import URLPattern, path

from settlement.api.splits import (
    SplitAgreementsView,
    StatementCsvView,
    StatementView,
)
from settlement.api.webhooks import ReturnedView, WebhookView

API = "api/v1"

urlpatterns: list[URLPattern] = [
    path("webhooks/payments/<slug:provider>/", WebhookView.as_view()),
    path("webhooks/payments/<slug:provider>/<slug:account>/", WebhookView.as_view()),
    path("payments/returned/", ReturnedView.as_view()),
    path(f"{API}/operator/split-agreements", SplitAgreementsView.as_view()),
    path(f"{API}/operator/statements", StatementView.as_view()),
    path(f"{API}/operator/statements.csv", StatementCsvView.as_view()),
]
