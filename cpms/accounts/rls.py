"""Migration operations for the walls between tenants (docs/adr/0003).

Every table gets exactly one of these in its app's ``0002_tenancy``: an
architecture test walks the models. Role names are part of the deployment:
``cpms_owner`` migrates, ``cpms_app`` serves the web behind row level security,
``cpms_system`` (gateway, workers) bypasses it and is held by composite keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import migrations

ALL_DML: Final = "SELECT, INSERT, UPDATE, DELETE"


@dataclass(frozen=True)
class Parent:
    """A reference that must stay inside the operator.

    Args:
        column: the referencing column ("site_id").
        table: the tenant table that it points to.
        on_delete: SQL action ("NO ACTION", "CASCADE").
    """

    column: str
    table: str
    on_delete: str = "NO ACTION"


def _composite_key_sql(table: str, operator_column: str, parent: Parent) -> list[str]:
    name = f"{table}_{parent.column}_tenant_fk"[:63]
    index = f"{table}_{parent.column}_tenant_ix"[:63]
    return [
        (
            f"ALTER TABLE {table} ADD CONSTRAINT {name} "
            f"FOREIGN KEY ({operator_column}, {parent.column}) "
            f"REFERENCES {parent.table} (operator_id, id) "
            f"ON DELETE {parent.on_delete} DEFERRABLE INITIALLY DEFERRED"
        ),
        f"CREATE INDEX IF NOT EXISTS {index} ON {table} ({parent.column})",
    ]


def _grant_sql(table: str, *, app: str, system: str) -> list[str]:
    statements = [f"REVOKE ALL ON {table} FROM cpms_app, cpms_system"]
    statements += [f"GRANT {app} ON {table} TO cpms_app"] if app else []
    statements += [f"GRANT {system} ON {table} TO cpms_system"] if system else []
    return statements


class _Sql(migrations.RunSQL):
    """RunSQL whose reverse is nothing: walls are only added."""

    def __init__(self, statements: Sequence[str]) -> None:
        super().__init__(
            sql=[(statement, None) for statement in statements],
            reverse_sql=migrations.RunSQL.noop,
        )


class TenantTable(_Sql):
    """A table with one operator a row: policies, grants, composite keys.

    Args:
        table: its name.
        operator_column: the operator's id ("id" for the operators themselves).
        driver_sql: which rows a driver may read, as SQL ("false" = none).
        parents: references to other tenant tables.
        app, system: DML rights of the two roles.
    """

    def __init__(
        self,
        table: str,
        *,
        operator_column: str = "operator_id",
        driver_sql: str = "false",
        parents: Sequence[Parent] = (),
        app: str = ALL_DML,
        system: str = ALL_DML,
    ) -> None:
        """Keep the arguments: a migration must be able to write itself down."""
        mine = f"{operator_column} = ANY (cpms_operator_ids())"
        see = (
            f"cpms_role() = 'platform' OR (cpms_role() = 'operator' AND {mine}) "
            f"OR (cpms_role() = 'driver' AND ({driver_sql}))"
        )
        write = f"cpms_role() = 'platform' OR (cpms_role() = 'operator' AND {mine})"
        statements = [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY tenant_read ON {table} FOR SELECT USING ({see})",
            f"CREATE POLICY tenant_insert ON {table} FOR INSERT WITH CHECK ({write})",
            (
                f"CREATE POLICY tenant_update ON {table} FOR UPDATE "
                f"USING ({write}) WITH CHECK ({write})"
            ),
            f"CREATE POLICY tenant_delete ON {table} FOR DELETE USING ({write})",
            *_grant_sql(table, app=app, system=system),
        ]
        if operator_column != "id":
            statements.append(
                f"ALTER TABLE {table} ADD CONSTRAINT {table[:50]}_tenant_key "
                f"UNIQUE ({operator_column}, id)"
            )
        for parent in parents:
            statements += _composite_key_sql(table, operator_column, parent)
        super().__init__(statements)


class DriverTable(_Sql):
    """A table with one driver a row and no operator."""

    def __init__(self, table: str, *, driver_column: str = "driver_id") -> None:
        """Let a driver reach its own rows and the platform all."""
        mine = (
            "cpms_role() = 'platform' OR "
            f"(cpms_role() = 'driver' AND {driver_column} = cpms_driver_id())"
        )
        super().__init__(
            [
                f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
                (
                    f"CREATE POLICY driver_rows ON {table} "
                    f"USING ({mine}) WITH CHECK ({mine})"
                ),
                *_grant_sql(table, app=ALL_DML, system=ALL_DML),
            ]
        )


class PlatformTable(_Sql):
    """A table of nobody in particular: rights only."""

    def __init__(
        self, table: str, *, app: str = ALL_DML, system: str = ALL_DML
    ) -> None:
        """Grant the given rights."""
        super().__init__(_grant_sql(table, app=app, system=system))


class AppendOnlyTable(_Sql):
    """An operator's table that only grows, for every role but the owner.

    TRUNCATE, UPDATE and DELETE are refused by rights and by trigger.
    """

    def __init__(
        self,
        table: str,
        *,
        operator_column: str = "operator_id",
        driver_sql: str = "false",
        parents: Sequence[Parent] = (),
    ) -> None:
        """Add policies for reading and inserting, and the refusing triggers."""
        mine = (
            "cpms_role() = 'platform' OR (cpms_role() = 'operator' AND "
            f"{operator_column} = ANY (cpms_operator_ids()))"
        )
        statements = [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            (
                f"CREATE POLICY tenant_read ON {table} FOR SELECT "
                f"USING (({mine}) OR (cpms_role() = 'driver' AND ({driver_sql})))"
            ),
            f"CREATE POLICY tenant_insert ON {table} FOR INSERT WITH CHECK ({mine})",
            *_grant_sql(table, app="SELECT, INSERT", system="SELECT, INSERT"),
            (
                f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION cpms_refuse_change()"
            ),
            (
                f"CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION cpms_refuse_change()"
            ),
            (
                f"ALTER TABLE {table} ADD CONSTRAINT {table[:50]}_tenant_key "
                f"UNIQUE ({operator_column}, id)"
            ),
        ]
        for parent in parents:
            statements += _composite_key_sql(table, operator_column, parent)
        super().__init__(statements)


FUNCTIONS: Final = (
    (
        "CREATE FUNCTION cpms_role() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE "
        "AS $$ SELECT coalesce(current_setting('cpms.role', true), '') $$"
    ),
    (
        "CREATE FUNCTION cpms_operator_ids() RETURNS bigint[] LANGUAGE sql STABLE "
        "PARALLEL SAFE AS $$ SELECT coalesce(string_to_array(nullif("
        "current_setting('cpms.operator_ids', true), ''), ',')::bigint[], '{}') $$"
    ),
    (
        "CREATE FUNCTION cpms_driver_id() RETURNS bigint LANGUAGE sql STABLE "
        "PARALLEL SAFE AS $$ SELECT nullif("
        "current_setting('cpms.driver_id', true), '')::bigint $$"
    ),
    (
        "CREATE FUNCTION cpms_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '% on % is refused: rows of this table are facts; "
        "add a correcting row instead', TG_OP, TG_TABLE_NAME "
        "USING ERRCODE = 'restrict_violation'; END $$"
    ),
)


class TenancyFunctions(_Sql):
    """What the policies ask: the role, the operators and the driver of this work."""

    def __init__(self) -> None:
        """Create the functions."""
        super().__init__(FUNCTIONS)
