"""Addresses of the webhooks' REST."""

from django.urls import path

from cpms.notifications import api

BASE = "api/v1/operator/webhooks"
ONE = f"{BASE}/<int:endpoint_id>"
urlpatterns = [
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
