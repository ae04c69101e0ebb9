"""Webhooks in the operator's admin."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _, ngettext

from cpms.accounts.admin import OperatorScopedAdmin
from cpms.notifications.models import WebhookEndpoint, WebhookMessage
from cpms.notifications.services import sending


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(OperatorScopedAdmin):
    """Where events go (made by REST, which shows the secret once)."""

    list_display = ("url", "operator", "is_active", "failing_since", "created_at")
    list_filter = ("is_active",)
    exclude = ("secret_sealed", "previous_secret_sealed")


@admin.register(WebhookMessage)
class WebhookMessageAdmin(OperatorScopedAdmin):
    """What was sent, and what could not be."""

    list_display = (
        "id",
        "type",
        "endpoint",
        "state",
        "attempts",
        "last_status",
        "created_at",
    )
    list_filter = ("state", "type")
    list_select_related = ("endpoint",)
    search_fields = ("event_ref",)
    actions = ("replay_selected",)

    @admin.action(description=_("Send again"), permissions=["replay"])
    def replay_selected(
        self, request: HttpRequest, queryset: QuerySet[WebhookMessage]
    ) -> None:
        """Send delivered and dead messages again."""
        count = sending.replay(list(queryset.values_list("pk", flat=True)))
        text = ngettext("%d message goes again.", "%d messages go again.", count)
        messages.success(request, text % count)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Whoever may see them may have them sent again: nothing is changed by it."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002
        """Messages come from events."""
        return False
