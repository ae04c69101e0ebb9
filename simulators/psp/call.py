"""One request as its handler sees it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import orjson

from simulators.psp.clock import Clock
from simulators.psp.deadlines import Deadlines
from simulators.psp.errors import Json, invalid, no_such
from simulators.psp.form import Params
from simulators.psp.limits import PAGE_DEFAULT, PAGE_MAX, PLATFORM
from simulators.psp.rules import Rules
from simulators.psp.store import Store, Unit, public


@dataclass(slots=True)
class World:
    """The running provider."""

    store: Store
    rules: Rules
    clock: Clock
    deadlines: Deadlines
    base_url: str = ""

    def unit(self) -> Unit:
        """Begin a unit of change at the present time."""
        return Unit(self.store, self.clock.now())


@dataclass(slots=True)
class Call:
    """A request to an endpoint: who acts, what is asked."""

    world: World
    unit: Unit
    account: str
    params: Params
    path: dict[str, str] = field(default_factory=dict)
    url: str = ""

    @property
    def now(self) -> int:
        """The provider's time of this request."""
        return self.unit.now

    @property
    def rules(self) -> Rules:
        """The provider's settings."""
        return self.world.rules

    def get(self, kind: str, reference: str, *, param: str) -> Json:
        """Return an object of the acting account named by the path.

        Raises:
            ApiError: 404 `resource_missing`.
        """
        thing = self.unit.find(self.account, kind, reference)
        if thing is None:
            raise no_such(kind, reference, param=param)
        return thing

    def put(self, kind: str, thing: Json) -> Json:
        """Stage an object of the acting account."""
        return self.unit.put(self.account, kind, thing)

    def emit(self, event: str, thing: Json) -> None:
        """Stage an event of the acting account."""
        self.unit.emit(self.account, event, thing)

    def require_platform(self) -> None:
        """Refuse calls on behalf of a connected account."""
        if self.account != PLATFORM:
            raise invalid(
                "This endpoint belongs to the platform: leave the "
                "Stripe-Account header out.",
                code="platform_account_required",
                status=403,
            )


Filter = Callable[[Json], bool]


def created_filter(params: Params) -> Filter:
    """Return the filter of `created` and `created[gt|gte|lt|lte]`."""
    exact = None
    if not isinstance(params.values.get("created"), dict):
        exact = params.integer("created")
    bounds = {name: params.integer(f"created.{name}") for name in _BOUNDS}

    def keep(thing: Json) -> bool:
        created = thing["created"]
        if exact is not None and created != exact:
            return False
        return all(
            bound is None or _BOUNDS[name](created, bound)
            for name, bound in bounds.items()
        )

    return keep


_BOUNDS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


def field_filter(params: Params, *names: str) -> Filter:
    """Return a filter that compares members with equally named parameters."""
    wanted = {name: value for name in names if (value := params.text(name)) is not None}
    return lambda thing: all(thing.get(n) == v for n, v in wanted.items())


def _cursor(call: Call, kind: str, name: str) -> int | None:
    reference = call.params.text(name)
    if reference is None:
        return None
    place = call.world.store.shelf(call.account, kind).place(reference)
    if place is None:
        raise no_such(kind, reference, param=name, status=400)
    return place


def _take(bodies: Iterable[bytes], keep: list[Filter], limit: int) -> list[Json]:
    found: list[Json] = []
    for body in bodies:
        thing = orjson.loads(body)
        if all(test(thing) for test in keep):
            found.append(public(thing))
            if len(found) > limit:
                break
    return found


def page(call: Call, kind: str, *filters: Filter) -> Json:
    """Return one page of the acting account's objects, newest first.

    `starting_after` continues towards older objects, `ending_before` takes
    the page just newer than its object, as the provider's lists do.
    """
    limit = call.params.integer("limit")
    limit = PAGE_DEFAULT if limit is None else limit
    if not 1 <= limit <= PAGE_MAX:
        raise invalid(f"limit must be 1 to {PAGE_MAX}", param="limit")
    after = _cursor(call, kind, "starting_after")
    before = _cursor(call, kind, "ending_before")
    if after is not None and before is not None:
        raise invalid("Give starting_after or ending_before, not both.")
    shelf = call.world.store.shelf(call.account, kind)
    keep = [created_filter(call.params), *filters]
    if before is not None:
        found = _take(shelf.newer(before), keep, limit)
        data = found[:limit][::-1]
    else:
        found = _take(shelf.older(after), keep, limit)
        data = found[:limit]
    return {
        "object": "list",
        "url": call.url,
        "has_more": len(found) > limit,
        "data": data,
    }
