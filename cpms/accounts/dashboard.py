"""The admin's first page: one panel a room, each limited to the user's operators.

Rooms above register their panels here; this room knows none of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from django.contrib import admin
from django.http import HttpRequest

from cpms.accounts.admin import request_operator_ids
from cpms.accounts.models import Operator


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its meaning; ``tone`` colours it when it asks for something."""

    title: str
    value: str
    url: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """One thing that somebody should look at."""

    text: str
    url: str
    tone: str = "warning"


@dataclass(frozen=True, slots=True)
class Panel:
    """What a room shows: figures, a picture (SVG that is safe), and a work list."""

    title: str
    figures: Sequence[Figure]
    picture: str = ""
    work: Sequence[Work] = ()


PanelMaker: TypeAlias = Callable[[Sequence[int]], Panel]
"""From operator ids to what they show."""

_MAKERS: Final[dict[str, tuple[int, PanelMaker]]] = {}


def panel(name: str, *, place: int) -> Callable[[PanelMaker], PanelMaker]:
    """Register a panel; lower places stand higher, a name stands once."""

    def register(maker: PanelMaker) -> PanelMaker:
        _MAKERS[name] = (place, maker)
        return maker

    return register


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's callback: add the panels to the first page."""
    if request.user.is_superuser:
        ids = tuple(Operator.objects.order_by("pk").values_list("pk", flat=True))
    else:
        ids = request_operator_ids(request)
    ordered = sorted(_MAKERS.values(), key=lambda entry: entry[0])
    context["panels"] = [maker(ids) for _, maker in ordered] if ids else []
    return context


admin.site.index_template = "cpms/admin/dashboard.html"
admin.site.index_title = "Overview"
