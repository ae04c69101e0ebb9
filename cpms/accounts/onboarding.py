"""From a new operator to its first charge: what is done, and what comes next.

Each room registers its steps; this room knows none of them but its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from cpms.accounts.admin import request_operator_ids
from cpms.accounts.admin_pages import is_platform
from cpms.accounts.models import Operator

OPERATORS_OFFERED_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Link:
    """Where somebody does something for a step."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. ``state`` says in a few words what is there already."""

    title: str
    text: str
    is_done: bool
    state: str = ""
    links: Sequence[Link] = ()


StepMaker: TypeAlias = Callable[[Operator], Step]
"""From an operator to how far this step is."""

_STEPS: Final[dict[str, tuple[int, StepMaker]]] = {}


def step(name: str, *, place: int) -> Callable[[StepMaker], StepMaker]:
    """Register a step; lower places come first, a name stands once."""

    def register(maker: StepMaker) -> StepMaker:
        _STEPS[name] = (place, maker)
        return maker

    return register


@step("company", place=10)
def company(operator: Operator) -> Step:
    """Who sells the energy."""
    return Step(
        _("Company"),
        _("Country, currency and time zone decide taxes, prices and the books."),
        is_done=True,
        state=f"{operator.name}, {operator.country}, {operator.currency}",
        links=(
            Link(
                _("Check the company"),
                reverse("admin:accounts_operator_change", args=[operator.pk]),
            ),
        ),
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an operator is; ``next`` is None when all is done."""

    steps: Sequence[Step]

    @property
    def done(self) -> int:
        """How many steps are done."""
        return sum(one.is_done for one in self.steps)

    @property
    def next(self) -> Step | None:
        """The first step that is not done."""
        return next((one for one in self.steps if not one.is_done), None)


def progress_of(operator: Operator) -> Progress:
    """All steps in their order."""
    ordered = sorted(_STEPS.values(), key=lambda entry: entry[0])
    return Progress([maker(operator) for _place, maker in ordered])


@dataclass(frozen=True, slots=True)
class NextStep:
    """What comes next, and the how manieth of how many it is."""

    step: Step
    number: int
    total: int


def next_step(operator: Operator) -> NextStep | None:
    """The first step that is not done; looks no further than that one."""
    ordered = sorted(_STEPS.values(), key=lambda entry: entry[0])
    for number, (_place, maker) in enumerate(ordered, start=1):
        found = maker(operator)
        if not found.is_done:
            return NextStep(found, number, len(ordered))
    return None


def onboarding_view(request: HttpRequest) -> TemplateResponse:
    """The steps of one of the user's operators."""
    rows = Operator.objects.order_by("name")
    if not is_platform(request):
        rows = rows.filter(pk__in=request_operator_ids(request))
    operators = list(rows[:OPERATORS_OFFERED_MAX])
    wanted = request.GET.get("operator", "")
    operator = next(
        (row for row in operators if str(row.pk) == wanted),
        operators[0] if operators else None,
    )
    progress = Progress(()) if operator is None else progress_of(operator)
    context = {
        **admin.site.each_context(request),
        "title": _("First charge"),
        "operators": operators,
        "operator": operator,
        "steps": progress.steps,
        "done": progress.done,
        "next": progress.next,
    }
    return TemplateResponse(request, "cpms/admin/onboarding.html", context)
