"""The configuration of one charge point: 1.6 keys and 2.0.1 variables in one table."""

import json
from typing import Any, Final
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from charge_points.models import ChargePoint, DeviceVariable, DeviceVariableChange
from charge_points.ocpp.versions import V16, V201
from cpms.kernel.zones import zone_named

PAGE_ROWS: Final = 200
HISTORY_SHOWN: Final = 100
SEARCH_CHARS_MAX: Final = 100
_READ_ALL: Final = {
    V16: ("GetConfiguration", {}),
    V201: ("GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"}),
}


def configuration_page(request: HttpRequest, row: ChargePoint) -> dict[str, Any]:
    """The table, by page and search."""
    words = request.GET.get("q", "").strip()[:SEARCH_CHARS_MAX]
    found = DeviceVariable.objects.filter(charge_point=row).order_by(
        "component",
        "component_instance",
        "evse_number",
        "connector_number",
        "variable",
        "variable_instance",
        "attribute",
    )
    if words:
        found = found.filter(
            Q(component__icontains=words)
            | Q(variable__icontains=words)
            | Q(value__icontains=words)
        )
    page = Paginator(found, PAGE_ROWS).get_page(request.GET.get("page"))
    action, payload = _READ_ALL.get(row.ocpp_version, ("", {}))
    return {
        "tab": "configuration",
        "title": _("%s: configuration") % row.identity,
        "q": words,
        "page": page,
        "zone": zone_named(row.site.time_zone),
        "read_url": send_url(row, action, payload) if action else "",
    }


def variable_page(row: ChargePoint, variable_id: int) -> dict[str, Any]:
    """One variable with what it was before.

    Raises:
        Http404: this charge point has no such variable.
    """
    variable = DeviceVariable.objects.filter(charge_point=row, pk=variable_id).first()
    if variable is None:
        raise Http404("This charge point has no such variable.")
    changes = DeviceVariableChange.objects.filter(variable=variable).order_by("-id")
    return {
        "tab": "configuration",
        "title": f"{row.identity}: {variable.variable}",
        "variable": variable,
        "changes": list(changes[:HISTORY_SHOWN]),
        "zone": zone_named(row.site.time_zone),
        "change_url": _change_url(row, variable),
    }


def send_url(row: ChargePoint, action: str, payload: dict[str, Any]) -> str:
    """The form for a command, filled in."""
    query = urlencode({"action": action, "payload": json.dumps(payload)})
    return f"{reverse('admin:charge_points_chargepoint_send', args=[row.pk])}?{query}"


def _change_url(row: ChargePoint, variable: DeviceVariable) -> str:
    if variable.mutability == DeviceVariable.Mutability.READ_ONLY:
        return ""
    if row.ocpp_version == V16:
        key = {"key": variable.variable, "value": variable.value}
        return send_url(row, "ChangeConfiguration", key)
    if row.ocpp_version == V201:
        return send_url(row, "SetVariables", {"setVariableData": [_set(variable)]})
    return ""


def _set(variable: DeviceVariable) -> dict[str, Any]:
    """One ``SetVariableDataType`` (2.0.1 part 2, 2.42)."""
    component: dict[str, Any] = {"name": variable.component}
    if variable.component_instance:
        component["instance"] = variable.component_instance
    if variable.evse_number:
        component["evse"] = {"id": variable.evse_number}
        if variable.connector_number:
            component["evse"]["connectorId"] = variable.connector_number
    named = {"name": variable.variable}
    if variable.variable_instance:
        named["instance"] = variable.variable_instance
    wanted: dict[str, Any] = {
        "component": component,
        "variable": named,
        "attributeValue": variable.value,
    }
    if variable.attribute != "Actual":
        wanted["attributeType"] = variable.attribute
    return wanted
