"""The admin's first page: panels, work and places of the rooms above.

Each room registers what it shows, limited to the user's operators; this room knows
none of them. Figures, work and places are asked again by the page every few seconds
(``live``); pictures are drawn with the page only.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, tzinfo
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from cpms.accounts.admin import request_operator_ids
from cpms.accounts.models import Operator
from cpms.accounts.onboarding import NextStep, next_step

REFRESH_S: Final = 10
"""How often an open page asks for the live figures again."""


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
class WorkList:
    """A list that somebody works off, and how much waits in it."""

    title: str
    count: int
    url: str
    tone: str = "warning"


@dataclass(frozen=True, slots=True)
class Panel:
    """What a room shows: figures, lists to work off, and the most urgent of them."""

    title: str
    figures: Sequence[Figure]
    work: Sequence[Work] = ()
    lists: Sequence[WorkList] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A site on the map; without coordinates it stands in the list only.

    ``free`` to ``known`` count connectors, ``offline`` charge points.
    """

    name: str
    url: str
    latitude: float | None
    longitude: float | None
    known: int
    free: int
    charging: int
    faulted: int
    offline: int

    @property
    def tone(self) -> str:
        """The colour: trouble before work before rest."""
        if self.faulted:
            return "danger"
        if self.offline:
            return "warning"
        if self.charging:
            return "info"
        return "success" if self.known else ""


PanelMaker: TypeAlias = Callable[[Sequence[int]], Panel]
"""From operator ids to what they show."""
PictureMaker: TypeAlias = Callable[[Sequence[int]], str]
"""From operator ids to safe SVG; "" when there is nothing to draw."""
PlacesMaker: TypeAlias = Callable[[Sequence[int]], Sequence[Place]]
"""From operator ids to their sites."""

_PANELS: Final[dict[str, tuple[int, PanelMaker]]] = {}
_PICTURES: Final[dict[str, tuple[int, PictureMaker]]] = {}
_PLACES: Final[dict[str, PlacesMaker]] = {}


def panel(name: str, *, place: int) -> Callable[[PanelMaker], PanelMaker]:
    """Register a panel; lower places stand higher, a name stands once."""

    def register(maker: PanelMaker) -> PanelMaker:
        _PANELS[name] = (place, maker)
        return maker

    return register


def picture(name: str, *, place: int) -> Callable[[PictureMaker], PictureMaker]:
    """Register a plot; lower places stand higher, a name stands once."""

    def register(maker: PictureMaker) -> PictureMaker:
        _PICTURES[name] = (place, maker)
        return maker

    return register


def places(maker: PlacesMaker) -> PlacesMaker:
    """Register who knows the sites of the map."""
    _PLACES[maker.__module__] = maker
    return maker


def zone_of(operator_ids: Sequence[int]) -> tzinfo:
    """What "today" means: the operator's zone; UTC when several are shown."""
    if len(operator_ids) != 1:
        return UTC
    rows = Operator.objects.filter(pk=operator_ids[0])
    return ZoneInfo(rows.values_list("time_zone", flat=True).get())


def midnight(zone: tzinfo) -> Any:  # noqa: ANN401 - django-stubs types now() so
    """When today began in this zone."""
    local = timezone.now().astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def _shown_ids(request: HttpRequest) -> tuple[int, ...]:
    if request.user.is_superuser:
        return tuple(Operator.objects.order_by("pk").values_list("pk", flat=True))
    return request_operator_ids(request)


def _live(ids: Sequence[int]) -> dict[str, Any]:
    """What changes while somebody looks."""
    ordered = sorted(_PANELS.items(), key=lambda entry: entry[1][0])
    panels = [(name, maker(ids)) for name, (_place, maker) in ordered]
    return {
        "panels": panels,
        "lists": [row for _name, shown in panels for row in shown.lists if row.count],
        "work": [row for _name, shown in panels for row in shown.work],
        "places": [place for maker in _PLACES.values() for place in maker(ids)],
    }


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's callback: add what the first page shows."""
    ids = _shown_ids(request)
    context["is_member"] = bool(ids)
    if not ids:
        return context
    live = _live(ids)
    ordered = sorted(_PICTURES.values(), key=lambda entry: entry[0])
    drawn = [maker(ids) for _place, maker in ordered]
    context |= live
    context["pictures"] = [text for text in drawn if text]
    context["guide"] = _guide(ids) if not context["pictures"] else None
    context["map_places"] = [_on_map(place) for place in live["places"]]
    context["map_tile_url"] = settings.MAP_TILE_URL
    context["map_attribution"] = settings.MAP_ATTRIBUTION
    context["refresh_s"] = REFRESH_S
    return context


def _guide(ids: Sequence[int]) -> NextStep | None:
    """What comes next on the way to the first charge, for those still on it."""
    operator = Operator.objects.filter(pk__in=ids).order_by("name").first()
    return None if operator is None else next_step(operator)


def _on_map(place: Place) -> dict[str, Any]:
    return {**asdict(place), "tone": place.tone}


def live(request: HttpRequest) -> JsonResponse:
    """What an open first page shows anew: figures by name, lists, work, places."""
    ids = _shown_ids(request)
    shown = _live(ids) if ids else {"panels": [], "lists": [], "work": [], "places": []}
    figures = {
        figure_key(name, figure.title): {"value": figure.value, "tone": figure.tone}
        for name, panel_shown in shown["panels"]
        for figure in panel_shown.figures
    }
    return JsonResponse(
        {
            "at": timezone.now().isoformat(),
            "figures": figures,
            "lists": [asdict(row) for row in shown["lists"]],
            "work": [asdict(row) for row in shown["work"]],
            "places": [_on_map(place) for place in shown["places"]],
        }
    )


def figure_key(panel_name: str, title: str) -> str:
    """How the page finds a figure again."""
    return slugify(f"{panel_name} {title}", allow_unicode=True)


admin.site.index_template = "cpms/admin/dashboard.html"
admin.site.index_title = _("Overview")
