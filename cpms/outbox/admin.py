"""The outbox's work list: what is waiting and what is dead, with replay."""

from typing import Any, Final

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cpms.accounts.admin import PlatformAdmin
from cpms.accounts.services.audit import record
from cpms.outbox.delivery import replay
from cpms.outbox.models import Delivery, EventRecord

OBJECT_CHARS_MAX: Final = 160


@admin.action(description=_("Replay dead deliveries"))
def replay_selected(
    modeladmin: Any,  # noqa: ANN401 - unfold is untyped
    request: HttpRequest,
    queryset: QuerySet[Delivery],
) -> None:
    """Make the selected dead rows due again; who did it is kept for each."""
    with transaction.atomic():
        dead = queryset.select_for_update(of=("self",)).filter(
            state=Delivery.State.DEAD
        )
        rows = list(dead.select_related("event"))
        count = replay([row.pk for row in rows])
        for row in rows:
            _note(row, by=str(request.user))
    said = _("%(count)d deliveries are due again.") % {"count": count}
    modeladmin.message_user(request, said)


def _note(row: Delivery, *, by: str) -> None:
    """The event's key names the thing it is about, an order for money."""
    record(
        operator_id=row.event.operator_id,
        actor=by,
        action="delivery.replayed",
        object=f"{row.event.topic} {row.event.key}"[:OBJECT_CHARS_MAX],
        changes={"subscriber": row.subscriber, "attempts": row.attempts},
        at=timezone.now(),
    )


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
