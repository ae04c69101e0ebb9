"""The audit log in the console and over REST, and the keys that owners make."""

import csv
import io
from datetime import UTC, datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from cpms.accounts.models import ApiKey, AuditEntry, Membership, User
from cpms.accounts.services import audit
from tests.factories.accounts import api_key
from tests.integration.charge_points.world import make_operator

pytestmark = pytest.mark.integration
PAGE = "admin:accounts_auditentry_changelist"


def member(operator, role, **fields):
    user = User.objects.create_user(
        f"{role}-{operator.code}@example.org",
        "a long password",
        is_staff=True,
        **fields,
    )
    Membership.objects.create(user=user, operator=operator, role=role)
    return user


def deed(operator, actor="owner@example.org", action="refund.requested", day=1, **more):
    audit.record(
        operator_id=operator.pk if operator else None,
        actor=actor,
        action=action,
        object=more.pop("object", "refund 1"),
        changes=more,
        at=datetime(2026, 3, day, 12, tzinfo=UTC),
    )
    return AuditEntry.objects.latest("pk")


@pytest.fixture
def other(db):
    return make_operator(code="other")


def shown(client, **filters):
    answer = client.get(reverse(PAGE), filters)
    assert answer.status_code == 200
    rows = answer.context["cl"].result_list
    # That the operators were taken in is in the log too.
    return [row.pk for row in rows if row.actor != "test"]


def test_an_owner_finds_deeds_by_actor_object_and_period(client, operator, other):
    refund = deed(operator, amount_minor=500)
    command = deed(operator, "key-0", "command.queued", day=5, object="CP-1 Reset")
    deed(other, "owner@example.org")
    client.force_login(member(operator, "owner"))
    assert shown(client) == [command.pk, refund.pk]
    assert shown(client, actor="owner@example.org") == [refund.pk]
    assert shown(client, kind="command") == [command.pk]
    assert shown(client, q="Reset") == [command.pk]
    assert shown(client, at_from="2026-03-04") == [command.pk]
    assert shown(client, at_from="2026-03-01", at_to="2026-03-01") == [refund.pk]
    assert shown(client, at_to="2026-03-05") == [command.pk, refund.pk]
    page = client.get(reverse(PAGE)).content.decode()
    assert "amount_minor" in page
    assert (
        client.get(
            reverse("admin:accounts_auditentry_change", args=[refund.pk])
        ).status_code
        == 200
    )


@pytest.mark.parametrize("role", ["finance", "technician", "viewer"])
def test_others_than_owners_do_not_see_who_did_what(client, operator, role):
    deed(operator)
    client.force_login(member(operator, role))
    assert client.get(reverse(PAGE)).status_code == 403
    assert client.get(reverse("admin:accounts_apikey_changelist")).status_code == 403


def test_an_owner_here_who_only_looks_there_sees_the_deeds_of_here(
    client, operator, other
):
    mine, theirs = deed(operator), deed(other)
    owner = member(operator, "owner")
    Membership.objects.create(user=owner, operator=other, role="viewer")
    client.force_login(owner)
    assert shown(client) == [mine.pk]
    answer = client.get(reverse("admin:accounts_auditentry_change", args=[theirs.pk]))
    assert answer.status_code in {302, 403, 404}


def test_platform_staff_sees_all_deeds_with_its_own(client, operator):
    rows = [deed(operator), deed(None, action="operator.created")]
    client.force_login(
        User.objects.create_user(
            "root@example.org", "a long password", is_staff=True, is_superuser=True
        )
    )
    assert set(shown(client)) == {row.pk for row in rows}


def test_what_was_found_leaves_as_a_table(client, operator):
    row = deed(operator, amount_minor=500)
    client.force_login(member(operator, "owner"))
    answer = client.post(
        reverse(PAGE), {"action": "export_csv", "_selected_action": [row.pk]}
    )
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    (line,) = csv.DictReader(io.StringIO(text))
    assert (line["actor"], line["action"]) == ("owner@example.org", "refund.requested")
    assert line["changes"] == '{"amount_minor": 500}'
    assert line["at"] == "2026-03-01T12:00:00+00:00"


def test_no_form_changes_or_deletes_a_deed(client, operator):
    row = deed(operator)
    client.force_login(member(operator, "owner"))
    for page in ("change", "delete"):
        url = reverse(f"admin:accounts_auditentry_{page}", args=[row.pk])
        assert client.post(url, {"actor": "x"}).status_code == 403
    assert client.get(reverse("admin:accounts_auditentry_add")).status_code == 403
    assert AuditEntry.objects.get(pk=row.pk).actor == "owner@example.org"


def test_callers_by_rest_are_written_by_name(operator):
    user = member(operator, "owner")
    api_key(operator, "audit:read")
    row = ApiKey.objects.get()
    assert deed(operator, str(user.pk)).actor == user.email
    assert deed(operator, f"key-{row.pk}").actor == f"API key {row.name} ({row.prefix})"
    assert deed(operator, "key-none").actor == "key-none"


def test_an_operators_system_reads_the_log_in_pages(client, operator, other):
    rows = [deed(operator, day=day) for day in (1, 2, 3)]
    deed(operator, "driver 7", "vehicle.shared", object="vehicle 9")
    deed(other)
    headers = api_key(operator, "audit:read")

    def ask(**filters):
        answer = client.get("/api/v1/operator/audit", filters, headers=headers)
        assert answer.status_code == 200, answer.content
        return answer.json()

    page = ask(page_size=2, action="refund.")
    assert [row["id"] for row in page["results"]] == [rows[2].pk, rows[1].pk]
    rest = client.get(page["next"], headers=headers).json()
    assert [row["id"] for row in rest["results"]] == [rows[0].pk]
    assert [row["object"] for row in ask(actor="driver 7")["results"]] == ["vehicle 9"]
    assert [
        row["id"]
        for row in ask(since="2026-03-02T00:00:00Z", before="2026-03-03T00:00:00Z")[
            "results"
        ]
    ] == [rows[1].pk]
    assert ask(object="vehicle")["results"][0]["operator"] == operator.code


def test_the_log_by_rest_needs_its_scope(client, operator):
    headers = api_key(operator, "orders:read")
    assert client.get("/api/v1/operator/audit", headers=headers).status_code == 403


def test_an_owner_makes_a_key_that_is_shown_once_and_revokes_it(client, operator):
    client.force_login(member(operator, "owner"))
    answer = client.post(
        reverse("admin:accounts_apikey_add"),
        {"operator": operator.pk, "name": "books", "scopes": ["audit:read"]},
    )
    made = answer.context["made"]
    assert made.key in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    headers = {"Authorization": f"Api-Key {made.key}"}
    client.logout()
    log = client.get("/api/v1/operator/audit", headers=headers).json()["results"]
    assert [row["action"] for row in log] == ["api_key.created", "operator.created"]
    client.force_login(User.objects.get(email__startswith="owner-"))
    listed = client.get(reverse("admin:accounts_apikey_changelist")).content.decode()
    assert made.key not in listed
    client.post(
        reverse("admin:accounts_apikey_changelist"),
        {"action": "revoke", "_selected_action": [made.id]},
    )
    client.logout()
    assert client.get("/api/v1/operator/audit", headers=headers).status_code in {
        401,
        403,
    }
    assert ApiKey.objects.get(pk=made.id).revoked_at <= timezone.now()


def test_the_platform_makes_no_key_to_an_operators_money(client, operator):
    client.force_login(
        User.objects.create_user(
            "root@example.org", "a long password", is_staff=True, is_superuser=True
        )
    )
    assert client.get(reverse("admin:accounts_apikey_add")).status_code == 403
