"""Addresses of the webhooks' and the notifications' REST."""

from django.urls import path

from cpms.notifications import api, driver_api

BASE = "api/v1/operator/webhooks"
ONE = f"{BASE}/<int:endpoint_id>"
urlpatterns = [
    path("api/v1/driver/notifications", driver_api.NotificationSettingsView.as_view()),
    path(BASE, api.WebhooksView.as_view()),
    path(ONE, api.WebhookView.as_view()),
    path(f"{ONE}/rotate-secret", api.WebhookSecretView.as_view()),
    path(f"{ONE}/test", api.WebhookTestView.as_view()),
    path(f"{ONE}/messages", api.WebhookMessagesView.as_view()),
    path(
        f"{ONE}/messages/<int:message_id>/replay",
        api.WebhookReplayView.as_view(),
    ),
]
