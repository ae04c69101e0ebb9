"""The provider's lists, turned round: oldest first, after a known object."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from settlement.providers.base import ProviderRejected

PAGE_MAX: Final = 100
PAGES_MAX: Final = 1000

Page = Mapping[str, Any]
Fetch = Callable[[dict[str, Any]], Page]


def _from_start(fetch: Fetch) -> list[Page]:
    """Walk from the newest to the oldest, as the lists only go that way."""
    found: list[Page] = []
    asked: dict[str, Any] = {"limit": PAGE_MAX}
    for _ in range(PAGES_MAX):
        page = fetch(asked)
        found.extend(page["data"])
        if not page["has_more"]:
            return found[::-1]
        asked = {"limit": PAGE_MAX, "starting_after": page["data"][-1]["id"]}
    raise ProviderRejected(
        "history_too_long",
        f"The account has more than {PAGE_MAX * PAGES_MAX} entries; "
        "begin after a known one.",
    )


def newer(fetch: Fetch, *, after: str | None, limit: int) -> list[Page]:
    """Return at most `limit` objects newer than `after`, oldest first.

    `fetch` takes the list parameters of one request and returns its page.

    Raises:
        ProviderRejected: `after` is unknown (`resource_missing`: too old for
            the provider; begin with None), or without `after` the history is
            longer than PAGE_MAX x PAGES_MAX.
    """
    if after is None:
        return _from_start(fetch)[:limit]
    found: list[Page] = []
    while len(found) < limit:
        size = min(PAGE_MAX, limit - len(found))
        page = fetch({"limit": size, "ending_before": after})
        found.extend(reversed(page["data"]))
        if not page["has_more"] or not page["data"]:
            break
        after = found[-1]["id"]
    return found
