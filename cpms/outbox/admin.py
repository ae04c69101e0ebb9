"""The outbox's work list: what is waiting and what is dead, with replay."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cpms.accounts.admin import PlatformAdmin
from cpms.outbox.delivery import replay
from cpms.outbox.models import Delivery, EventRecord


@admin.action(description=_("Replay dead deliveries"))
def replay_selected(
    modeladmin: Any,  # noqa: ANN401 - unfold is untyped
    request: HttpRequest,
    queryset: QuerySet[Delivery],
) -> None:
    """Make the selected dead rows due again."""
    count = replay(list(queryset.values_list("pk", flat=True)))
    modeladmin.message_user(request, f"{count} deliveries are due again.")


@admin.register(Delivery)
class DeliveryAdmin(PlatformAdmin):
    """Deliveries by state."""

    read_only = True
    list_display = (
        "id",
        "subscriber",
        "event",
        "state",
        "attempts",
        "due_at",
        "last_error",
    )
    search_fields = ("event__key", "last_error")
    list_filter = ("state", "subscriber")
    list_select_related = ("event",)
    actions = (replay_selected,)


@admin.register(EventRecord)
class EventRecordAdmin(PlatformAdmin):
    """Events."""

    read_only = True
    list_display = ("id", "topic", "key", "operator", "created_at")
    list_filter = ("topic",)
    search_fields = ("key",)
