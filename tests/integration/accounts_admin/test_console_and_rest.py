"""Everything that members do in the console has an address in REST, or a reason."""

import re
from pathlib import Path

import pytest
from django.contrib import admin
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator

from cpms.accounts.admin import OperatorScopedAdmin
from tests.integration.charge_points.admin_world import make_staff

pytestmark = pytest.mark.integration

PAGE = (
    Path(__file__).resolve().parents[3] / "docs" / "reference" / "console-and-rest.md"
)
ADDRESS = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/\S+)`")
FRAME = {"changelist", "add", "change", "delete", "history"}
PAGES = {
    model._meta.label_lower: page
    for model, page in admin.site._registry.items()
    if isinstance(page, OperatorScopedAdmin)
}


def told():
    """(page, deed) -> what the table says of REST."""
    rows = {}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| ") or cells[0] not in PAGES:
            continue
        for deed in cells[1].split(", "):
            assert (cells[0], deed) not in rows, line
            rows[cells[0], deed] = cells[2]
    return rows


def own_addresses(label, page):
    prefix = label.replace(".", "_") + "_"
    for pattern in page.get_urls():
        name = (getattr(pattern, "name", None) or "").removeprefix(prefix)
        if name and name not in FRAME:
            yield name


@pytest.fixture
def done(client, operator, as_role):
    """(page, deed) of all that an owner may do."""
    user = make_staff("owner@example.org", operator.pk, "owner")
    client.force_login(user)
    found = set()
    with as_role("app"):
        for label, page in PAGES.items():
            add = reverse(f"admin:{label.replace('.', '_')}_add")
            request = client.get(reverse("admin:index")).wsgi_request
            found.add((label, "look"))
            found |= {(label, name) for name in page.actions or ()}
            found |= {(label, name) for name in own_addresses(label, page)}
            if client.get(add).status_code == 200:
                found.add((label, "add"))
            if page.has_change_permission(request):
                found.add((label, "change"))
    return found


def test_the_table_names_every_deed_of_the_console_and_no_other(done):
    assert set(told()) == done


def test_every_address_of_the_table_exists():
    schema = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    for deed, text in told().items():
        addresses = ADDRESS.findall(text)
        assert addresses or text.startswith("no: "), deed
        for method, path in addresses:
            assert method.lower() in schema.get(path, {}), (deed, method, path)
