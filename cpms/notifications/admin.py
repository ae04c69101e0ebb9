"""Webhooks in the operator's admin."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _, ngettext
from unfold.admin import ModelAdmin

from cpms.accounts.admin import OperatorScopedAdmin
from cpms.notifications.kinds import STAFF_KINDS
from cpms.notifications.models import (
    StaffNotificationSettings,
    WebhookEndpoint,
    WebhookMessage,
)
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


class _SettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    muted = forms.MultipleChoiceField(
        choices=[(name, name.replace("_", " ")) for name in STAFF_KINDS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Do not tell me of"),
    )

    class Meta:
        model = StaffNotificationSettings
        fields = ("muted", "quiet_from", "quiet_until", "time_zone")


@admin.register(StaffNotificationSettings)
class StaffNotificationSettingsAdmin(ModelAdmin):  # type: ignore[misc]  # unfold is untyped
    """Everybody's own, and nobody else's."""

    form = _SettingsForm
    list_display = ("__str__", "muted", "quiet_from", "quiet_until", "time_zone")

    def get_queryset(self, request: HttpRequest) -> QuerySet[StaffNotificationSettings]:
        """Only the row of whoever asks."""
        return super().get_queryset(request).filter(user_id=request.user.pk or 0)  # type: ignore[no-any-return]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """All staff."""
        return bool(request.user.is_active and request.user.is_staff)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401
        """Their own."""
        mine = obj is None or obj.user_id == request.user.pk
        return mine and self.has_module_permission(request)

    has_change_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Once."""
        return (
            self.has_module_permission(request)
            and not self.get_queryset(request).exists()
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002
        """They are emptied, not deleted."""
        return False

    def save_model(
        self,
        request: HttpRequest,
        obj: StaffNotificationSettings,
        form: Any,  # noqa: ANN401 - unfold is untyped
        change: bool,  # noqa: FBT001 - Django's own
    ) -> None:
        """Whose they are is whoever saves them."""
        obj.user_id = request.user.pk or 0
        super().save_model(request, obj, form, change)
