"""Who does what on the network's pages, and what is looked at afterwards."""

import pytest
from django.urls import reverse

from charge_points.models import ChargePoint
from cpms.accounts.models import AuditEntry
from tests.integration.charge_points.admin_world import make_staff, set_version

ROLES_THAT_ACT = ["owner", "technician"]

ROLES_THAT_LOOK = ["finance", "viewer"]


def at(name, *keys):
    return reverse(f"admin:charge_points_{name}", args=keys)


def log_in(client, operator_id, role="technician"):
    client.force_login(
        make_staff(f"{role}{operator_id}@example.org", operator_id, role)
    )
    return client


@pytest.fixture
def web(client, station, as_role):
    """A technician, served under the web's own database role."""
    set_version(station, "1.6")
    log_in(client, station.operator_id)
    with as_role("app"):
        yield client


def pending(station):
    ChargePoint.objects.filter(pk=station.id).update(registration="pending")


def audited():
    rows = AuditEntry.objects.order_by("id").values_list("action", flat=True)
    return [action for action in rows if action != "operator.created"]
