"""Addresses of settlement."""

from django.urls import URLPattern, path

from settlement.api.webhooks import ReturnedView, WebhookView

urlpatterns: list[URLPattern] = [
    path("webhooks/payments/<slug:provider>/", WebhookView.as_view()),
    path("webhooks/payments/<slug:provider>/<slug:account>/", WebhookView.as_view()),
    path("payments/returned/", ReturnedView.as_view()),
]
