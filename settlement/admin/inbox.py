"""The inbox of the providers' events, for platform staff."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from cpms.accounts.admin import PlatformAdmin
from settlement.models import WebhookEvent


@admin.register(WebhookEvent)
class WebhookEventAdmin(PlatformAdmin):
    """What the providers told, how we learnt it, and what came of it."""

    list_display = (
        "event_ref",
        "type",
        "account",
        "via",
        "state",
        "note",
        "received_at",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("via", ChoicesDropdownFilter),
        ("type", admin.AllValuesFieldListFilter),
    )
    search_fields = ("event_ref", "object_ref", "payment_ref", "account")
    ordering = ("-id",)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's own
        """Only providers write here."""
        return False

    def has_change_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's own
        obj: WebhookEvent | None = None,  # noqa: ARG002 - Django's own
    ) -> bool:
        """Nobody edits what was told."""
        return False
