"""Webhook endpoints and the list of events."""

from urllib.parse import urlsplit

from simulators.psp import ids
from simulators.psp.call import Call, field_filter, page
from simulators.psp.errors import Json, invalid, missing_parameter
from simulators.psp.limits import API_VERSION, PLATFORM, WEBHOOK_ENDPOINTS_MAX
from simulators.psp.store import Unit

BOTH_SIDES = ["platform", "connect"]


def check_url(url: str) -> str:
    """Return the address when it is one that can be called."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise invalid(f"Invalid URL: {url}. Use http:// or https://.", param="url")
    return url


def new_endpoint(*, url: str, events: list[str], sides: list[str], now: int) -> Json:
    """Return an enabled endpoint with a secret of its own."""
    return {
        "id": ids.new("we"),
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "application": None,
        "created": now,
        "enabled_events": events,
        "livemode": False,
        "metadata": {},
        "secret": "whsec_" + ids.token(32),
        "status": "enabled",
        "url": check_url(url),
        "_sides": sides,
    }


def configure(unit: Unit, url: str, secret: str) -> Json:
    """Set up the endpoint named on the command line, once per address."""
    for account, endpoint in unit.store.every("webhook_endpoint"):
        if endpoint["url"] == url:
            endpoint["secret"] = secret
            return unit.put(account, "webhook_endpoint", endpoint)
    endpoint = new_endpoint(url=url, events=["*"], sides=BOTH_SIDES, now=unit.now)
    endpoint["secret"] = secret
    return unit.put(PLATFORM, "webhook_endpoint", endpoint)


def create(call: Call) -> Json:
    """Register an address; the secret is shown only in this answer."""
    call.require_platform()
    events = call.params.texts("enabled_events")
    if not events:
        raise missing_parameter("enabled_events")
    shelf = call.world.store.shelf(PLATFORM, "webhook_endpoint")
    if len(shelf.data) >= WEBHOOK_ENDPOINTS_MAX:
        raise invalid(f"At most {WEBHOOK_ENDPOINTS_MAX} webhook endpoints.")
    url = call.params.need_text("url")
    sides = ["connect"] if call.params.flag("connect") else ["platform"]
    endpoint = new_endpoint(url=url, events=events, sides=sides, now=call.now)
    endpoint["metadata"] = call.params.metadata()
    return call.put("webhook_endpoint", endpoint)


def _hide(endpoint: Json) -> Json:
    return {name: value for name, value in endpoint.items() if name != "secret"}


def _find(call: Call) -> Json:
    call.require_platform()
    reference = call.path["webhook_endpoint"]
    return call.get("webhook_endpoint", reference, param="webhook_endpoint")


def get(call: Call) -> Json:
    """Return one endpoint without its secret."""
    return _hide(_find(call))


def list_all(call: Call) -> Json:
    """List the endpoints without their secrets."""
    call.require_platform()
    answer = page(call, "webhook_endpoint")
    answer["data"] = [_hide(endpoint) for endpoint in answer["data"]]
    return answer


def update(call: Call) -> Json:
    """Change address, events or whether it is enabled."""
    endpoint = _find(call)
    if url := call.params.text("url"):
        endpoint["url"] = check_url(url)
    if events := call.params.texts("enabled_events"):
        endpoint["enabled_events"] = events
    if call.params.given("disabled"):
        disabled = call.params.flag("disabled")
        endpoint["status"] = "disabled" if disabled else "enabled"
    endpoint["metadata"] = call.params.metadata(endpoint["metadata"])
    return _hide(call.put("webhook_endpoint", endpoint))


def delete(call: Call) -> Json:
    """Remove an endpoint."""
    endpoint = _find(call)
    call.unit.delete(PLATFORM, "webhook_endpoint", endpoint["id"])
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def get_event(call: Call) -> Json:
    """Return one event of the acting account."""
    return call.get("event", call.path["id"], param="id")


def list_events(call: Call) -> Json:
    """List the acting account's events, newest first, also by type."""
    types = call.params.texts("types")

    def of_types(event: Json) -> bool:
        return not types or event["type"] in types

    return page(call, "event", field_filter(call.params, "type"), of_types)
