"""Every page of the admin, asked by everybody who could ask."""

from contextlib import contextmanager

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse

from cpms.accounts.admin import OperatorScopedAdmin
from cpms.accounts.models import Membership, User
from tests.integration.billing.conftest import (  # noqa: F401 - fixtures
    psp,
    psp_process,
)
from tests.integration.billing.world import make_world

pytestmark = pytest.mark.integration

MODELS = sorted(
    (model for model in admin.site._registry), key=lambda model: model._meta.label
)
FOREIGN_MARK = "OPERATOR-OF-OTHERS"


def url_of(model, page, *args):
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args)


def is_tenant(model):
    return isinstance(admin.site._registry[model], OperatorScopedAdmin)


def operator_of(row):
    return row.pk if row._meta.model_name == "operator" else row.operator_id


def staff(name, operator=None, role="owner", **fields):
    user = User.objects.create_user(
        f"{name}@example.org", "a long password", is_staff=True, **fields
    )
    if operator is not None:
        Membership.objects.create(user=user, operator=operator, role=role)
    return user


@contextmanager
def serving():
    """Work as the web does: behind row level security."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE cpms_app")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE cpms_system")


def get(client, url):
    with serving():
        return client.get(url)


@pytest.fixture
def worlds(db, psp):  # noqa: F811 - the fixture
    """Two operators, each with a charge that is paid."""
    found = [make_world(psp), make_world(psp, code="other", name=FOREIGN_MARK)]
    for world in found:
        world.closed()
    return found


@pytest.fixture(autouse=True)
def _no_collected_files(settings):
    settings.WHITENOISE_AUTOREFRESH = True


def rows_of(model, operator):
    """Keys of the rows of this operator, at most three."""
    if not is_tenant(model):
        return list(model._default_manager.values_list("pk", flat=True)[:3])
    if model._meta.model_name == "operator":
        return [operator.pk]
    found = model._default_manager.filter(operator_id=operator.pk)
    return list(found.values_list("pk", flat=True)[:3])


def pages():
    """(model, address) of all lists and all forms for new rows."""
    for model in MODELS:
        for page in ("changelist", "add"):
            try:
                yield model, page, url_of(model, page)
            except NoReverseMatch:
                assert page == "add"


def test_somebody_unknown_is_sent_to_the_login(client, worlds):
    for model, page, url in pages():
        answer = get(client, url)
        assert answer.status_code == 302, (model, page)
        assert "/login/" in answer["Location"]
        for key in rows_of(model, worlds[0].operator):
            changed = get(client, url_of(model, "change", key))
            assert changed.status_code == 302, model
            assert "/login/" in changed["Location"]


@pytest.mark.parametrize("role", sorted(Membership.Role.values))
def test_a_member_sees_no_foreign_row_and_no_page_fails(client, worlds, role):
    mine, foreign = (world.operator for world in worlds)
    client.force_login(staff("member", mine, role))
    seen = set()
    for model, page, url in pages():
        answer = get(client, url)
        assert answer.status_code in {200, 403}, (model, page, answer.status_code)
        if answer.status_code == 200 and page == "changelist" and is_tenant(model):
            rows = list(answer.context["cl"].result_list)
            assert {operator_of(row) for row in rows} <= {mine.pk, None}, model
            seen |= {model} if rows else set()
        assert FOREIGN_MARK not in answer.content.decode(), (model, page)
    for model in MODELS:
        own, others = rows_of(model, mine), rows_of(model, foreign)
        for key in own:
            answer = get(client, url_of(model, "change", key))
            assert answer.status_code in {200, 302, 403}, (model, answer.status_code)
            assert FOREIGN_MARK not in answer.content.decode(), model
        if is_tenant(model):
            for key in set(others) - set(own):
                answer = get(client, url_of(model, "change", key))
                assert answer.status_code in {302, 403, 404}, model
    assert len(seen) >= 10


def test_the_platform_opens_every_page(client, worlds):
    client.force_login(staff("root", is_superuser=True))
    opened = 0
    for model, page, url in pages():
        answer = get(client, url)
        allowed = {200} if page == "changelist" else {200, 403}
        assert answer.status_code in allowed, (model, page)
    for model in MODELS:
        for world in worlds:
            for key in rows_of(model, world.operator):
                answer = get(client, url_of(model, "change", key))
                assert answer.status_code == 200, (model, answer.status_code)
                opened += 1
    assert opened > 40


def statements(client, url):
    with serving(), CaptureQueriesContext(connection) as caught:
        assert client.get(url).status_code == 200
    return len(caught)


def test_lists_cost_as_many_statements_for_many_rows_as_for_few(client, worlds):
    world = worlds[0]
    client.force_login(staff("owner", world.operator))
    measured = {}
    for model in MODELS:
        url = url_of(model, "changelist")
        if get(client, url).status_code == 200:
            rows = len(get(client, url).context["cl"].result_list)
            measured[model] = (rows, statements(client, url))
    for _ in range(4):
        world.closed()
    grown = 0
    for model, (rows, few) in measured.items():
        url = url_of(model, "changelist")
        more = len(get(client, url).context["cl"].result_list)
        if more > rows:
            grown += 1
            assert statements(client, url) == few, (model, rows, more)
    assert grown >= 8
