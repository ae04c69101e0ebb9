"""Every table stands behind a wall, asked of PostgreSQL itself."""

import pytest
from django.apps import apps
from django.db import connection

OURS = {"accounts", "outbox", "charge_points", "billing", "settlement"}

# Tables of nobody in particular: rights only (docs/adr/0003).
PLATFORM = {
    "accounts_user",
    "accounts_user_groups",
    "accounts_user_user_permissions",
    "accounts_idempotencyrecord",
    "accounts_vehicleauthority",
    "outbox_eventrecord",
    "outbox_delivery",
    "charge_points_certificatekey",
    "charge_points_stationauthority",
    "charge_points_clientrevocationlist",
    # A person's own, for all operators; the pages show nobody else's.
    "notifications_staffnotificationsettings",
    # Only workers read it.
    "notifications_notification",
    # Stored before anybody knows whose it is; only workers and platform staff read it.
    "settlement_webhookevent",
}
MODELS = [
    model
    for model in apps.get_models(include_auto_created=True)
    if model._meta.app_label in OURS
]


# Written by the gateway alone, with the operator of the connection; a key costs each
# message of each charger (docs/adr/0008).
WITHOUT_KEY = {
    ("charge_points_messagelog", "charge_point_id"),
    ("charge_points_metervalue", "transaction_id"),
}


def _ask(sql, args):
    with connection.cursor() as cursor:
        cursor.execute(sql, args)
        return cursor.fetchall()


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m._meta.db_table)
def test_table_has_row_level_security_or_is_named_as_platform(model, db):
    table = model._meta.db_table
    if table in PLATFORM:
        return
    ((enabled,),) = _ask(
        "SELECT relrowsecurity FROM pg_class WHERE oid = %s::regclass", [table]
    )
    policies = _ask(
        "SELECT polname FROM pg_policy WHERE polrelid = %s::regclass", [table]
    )

    assert enabled, f"{table} needs TenantTable or its like in 0002_tenancy"
    assert policies


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m._meta.db_table)
def test_nobody_but_the_owner_may_truncate(model, db):
    table = model._meta.db_table
    for role in ("cpms_app", "cpms_system"):
        ((allowed,),) = _ask(
            "SELECT has_table_privilege(%s, %s, 'TRUNCATE')", [role, table]
        )
        assert not allowed, f"{role} may empty {table}"


def _is_tenant(model):
    names = {field.name: field for field in model._meta.concrete_fields}
    return "operator" in names and not names["operator"].null


@pytest.mark.parametrize(
    "model", [m for m in MODELS if _is_tenant(m)], ids=lambda m: m._meta.db_table
)
def test_references_between_tenant_tables_stay_inside_the_operator(model, db):
    for field in model._meta.concrete_fields:
        target = field.related_model
        if target is None or not _is_tenant(target):
            continue
        if (model._meta.db_table, field.column) in WITHOUT_KEY:
            continue
        pairs = _ask(
            "SELECT array_agg(a.attname ORDER BY a.attname) FROM pg_constraint c "
            "JOIN unnest(c.conkey) k ON true "
            "JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k "
            "WHERE c.contype = 'f' AND c.conrelid = %s::regclass GROUP BY c.oid",
            [model._meta.db_table],
        )
        wanted = {"operator_id", field.column}
        assert any(wanted <= set(row[0]) for row in pairs), (
            f"{model._meta.db_table}.{field.column} may point to another operator"
        )


@pytest.mark.parametrize("role", ["cpms_app", "cpms_system", "cpms_owner"])
def test_nobody_is_superuser(role, db):
    ((superuser,),) = _ask("SELECT rolsuper FROM pg_roles WHERE rolname = %s", [role])

    assert not superuser
