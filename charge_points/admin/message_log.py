"""The message log of one charge point, newest first.

The table is partitioned by time, so every look at it is bounded in time, and pages
go on from the last row instead of counting.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from charge_points.models import ChargePoint, MessageLog
from cpms.kernel.zones import zone_named

PAGE_ROWS: Final = 50
SEARCH_CHARS_MAX: Final = 100
WINDOWS: Final = (
    ("1", _("1 hour")),
    ("24", _("1 day")),
    ("168", _("7 days")),
    ("744", _("31 days")),
)
WINDOW_DEFAULT_H: Final = 24
# OCPP-J 4.2: [2, id, action, payload] and [3, id, payload].
_PAYLOAD_PLACES: Final = {2: 3, 3: 2}
_DIRECTIONS: Final = (
    ("", _("both")),
    ("in", _("from the station")),
    ("out", _("to it")),
)


class MessageForm(forms.Form):
    """Which messages."""

    q = forms.CharField(label=_("Search"), max_length=SEARCH_CHARS_MAX, required=False)
    direction = forms.ChoiceField(choices=_DIRECTIONS, required=False)
    hours = forms.ChoiceField(label=_("Within"), choices=WINDOWS, required=False)
    until = forms.DateTimeField(
        required=False,
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"
        ),
    )


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A row with what was said and answered: payloads, or an error as it was."""

    row: MessageLog
    asked: Any
    answered: Any

    @property
    def brief(self) -> str:
        """The payload on one line."""
        if isinstance(self.asked, str):
            return self.asked
        return json.dumps(self.asked, ensure_ascii=False, separators=(", ", ": "))


@dataclass(frozen=True, slots=True)
class Window:
    """``[begins_at, ends_at]``; ``after`` is the last row of the page before."""

    begins_at: datetime
    ends_at: datetime
    after: tuple[datetime, int] | None


def message_page(
    request: HttpRequest, row: ChargePoint, *, at: datetime
) -> dict[str, Any]:
    """One page of the log, and the address of the next one."""
    form = MessageForm(request.GET or None)
    asked = form.cleaned_data if form.is_bound and form.is_valid() else {}
    zone = zone_named(row.site.time_zone)
    window = _window(request, asked, zone, at=at)
    found = _search(MessageLog.objects.filter(charge_point=row), asked, window)
    rows = list(found.order_by("-at", "-id")[: PAGE_ROWS + 1])
    more = rows[PAGE_ROWS:]
    rows = rows[:PAGE_ROWS]
    return {
        "tab": "messages",
        "title": _("%s: messages") % row.identity,
        "form": form if form.is_bound else MessageForm({"hours": WINDOW_DEFAULT_H}),
        "messages_found": [
            ShownMessage(row, body_of(row.text), body_of(row.answer_text))
            for row in rows
        ],
        "window": window,
        "zone": zone,
        "zone_name": row.site.time_zone,
        "next_url": _next_url(request, rows[-1]) if more else "",
        "is_later_page": window.after is not None,
        "first_page_query": urlencode(
            {key: value for key, value in request.GET.dict().items() if key != "after"}
        ),
    }


def body_of(text: str) -> Any:  # noqa: ANN401 - JSON
    """The payload of a CALL or CALLRESULT; of anything else all of it.

    A text that is not JSON stays a text.
    """
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(frame, list) or not frame:
        return frame
    place = _PAYLOAD_PLACES.get(frame[0]) if isinstance(frame[0], int) else None
    return frame if place is None or len(frame) <= place else frame[place]


def _window(
    request: HttpRequest, asked: dict[str, Any], zone: tzinfo, *, at: datetime
) -> Window:
    hours = int(asked.get("hours") or WINDOW_DEFAULT_H)
    until = asked.get("until")
    # The form has no zone: what people type is the clock at the site.
    ends_at = until.replace(tzinfo=zone).astimezone(UTC) if until else at
    after = cursor_of(request.GET.get("after", ""))
    return Window(ends_at - timedelta(hours=hours), ends_at, after)


def cursor_of(text: str) -> tuple[datetime, int] | None:
    """Read ``<microseconds since 1970>.<id>``; a broken one counts as none."""
    micros, _, key = text.partition(".")
    if not (micros.isdecimal() and key.isdecimal() and len(text) < 40):
        return None
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
            microseconds=int(micros)
        ), int(key)
    except OverflowError:
        return None


def _next_url(request: HttpRequest, last: MessageLog) -> str:
    passed = last.at - datetime(1970, 1, 1, tzinfo=UTC)
    micros = passed // timedelta(microseconds=1)
    query = {**request.GET.dict(), "after": f"{micros}.{last.pk}"}
    return f"?{urlencode(query)}"


def _search(
    rows: QuerySet[MessageLog], asked: dict[str, Any], window: Window
) -> QuerySet[MessageLog]:
    rows = rows.filter(at__gte=window.begins_at, at__lte=window.ends_at)
    if window.after is not None:
        last_at, last_id = window.after
        rows = rows.filter(at__lte=last_at).exclude(at=last_at, id__gte=last_id)
    if asked.get("direction"):
        rows = rows.filter(incoming=asked["direction"] == "in")
    words = asked.get("q", "").strip()
    if words:
        rows = rows.filter(
            Q(action__icontains=words)
            | Q(message_id=words)
            | Q(text__icontains=words)
            | Q(answer_text__icontains=words)
        )
    return rows
