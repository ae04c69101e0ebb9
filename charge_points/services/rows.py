"""SQL that the ORM has no words for: sets of rows, inserts that yield to a row.

Statements go to psycopg2 directly (Django's wrappers cost more than the work), with
Django's own errors: who retries a conflict looks at those.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.db import connection, models
from psycopg2.extras import execute_values


@cache
def _columns(model: type[models.Model]) -> tuple[Any, ...]:
    return tuple(
        field
        for field in model._meta.concrete_fields  # noqa: SLF001 - public by name
        if not isinstance(field, models.AutoField)
    )


@cache
def _insert_sql(model: type[models.Model]) -> str:
    fields = _columns(model)
    names = ", ".join(field.column for field in fields)
    places = ", ".join(["%s"] * len(fields))
    table = model._meta.db_table  # noqa: SLF001 - public by name
    return (  # names of the model's own columns, no input
        f"INSERT INTO {table} ({names}) VALUES ({places}) "  # noqa: S608
        "ON CONFLICT DO NOTHING RETURNING id"
    )


def insert_unless_exists(row: models.Model) -> bool:
    """Insert a row unless a unique constraint says that it is there already.

    Unlike an IntegrityError this neither needs a savepoint nor breaks the database
    transaction. ``row.pk`` is set when it was inserted.

    Returns:
        Whether it was inserted.
    """
    values = [
        field.get_db_prep_save(field.pre_save(row, add=True), connection)
        for field in _columns(type(row))
    ]
    with connection.cursor() as cursor:
        cursor.execute(_insert_sql(type(row)), values)
        found = cursor.fetchone()
    if found is None:
        return False
    row.pk = found[0]
    row._state.adding = False  # noqa: SLF001 - what save() would have done
    row._state.db = connection.alias  # noqa: SLF001 - what save() would have done
    return True


def numbers(values: Iterable[object]) -> str:
    """A PostgreSQL array of numbers, instants or booleans; None is NULL.

    One array a column is quicker than one VALUES list a row on both sides. The text
    itself is passed as a parameter, so nothing in it can become SQL.
    """
    return "{" + ",".join(["NULL" if v is None else str(v) for v in values]) + "}"


def texts(values: Iterable[str | None]) -> str:
    """A PostgreSQL array of texts; NUL, which no text can hold, is left out."""
    return "{" + ",".join([_quoted(value) for value in values]) + "}"


def _quoted(value: str | None) -> str:
    if value is None:
        return "NULL"
    if "\0" in value:
        value = value.replace("\0", "")
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'


def execute_columns(sql: str, columns: Sequence[object]) -> None:
    """A statement whose parameters are columns (``numbers`` and ``texts``)."""
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.cursor.execute(sql, columns)


def fetch_columns(sql: str, columns: Sequence[object]) -> list[tuple[Any, ...]]:
    """As ``execute_columns``, for a statement that returns rows."""
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.cursor.execute(sql, columns)
        found: list[tuple[Any, ...]] = cursor.cursor.fetchall()
    return found


def execute_rows(
    sql: str, rows: Sequence[Sequence[Any]], *, template: str | None = None
) -> None:
    """One statement for all rows; ``sql`` has one ``%s`` after VALUES."""
    if not rows:
        return
    with connection.cursor() as cursor, connection.wrap_database_errors:
        execute_values(cursor.cursor, sql, rows, template=template, page_size=len(rows))


def fetch_rows(
    sql: str, rows: Sequence[Sequence[Any]], *, template: str | None = None
) -> list[tuple[Any, ...]]:
    """As ``execute_rows``, for a statement that returns rows."""
    if not rows:
        return []
    with connection.cursor() as cursor, connection.wrap_database_errors:
        found: list[tuple[Any, ...]] = execute_values(
            cursor.cursor,
            sql,
            rows,
            template=template,
            page_size=len(rows),
            fetch=True,
        )
    return found
