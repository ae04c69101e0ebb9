"""Everything that is sealed, sealed anew with the present key (key rotation).

Sealed columns are found by their names in every room's models, so that a new one is not
forgotten: whatever is called sealed, encrypted or private key, and the members of JSON
that are named here. A test looks for sealed values everywhere else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from django.apps import apps
from django.db import models, transaction

from cpms.accounts.services.sealing import (
    UnableToUnseal,
    is_sealed_now,
    seal_bytes,
    unseal_bytes,
)
from cpms.kernel.errors import DomainError

ROOMS: Final = ("accounts", "notifications", "charge_points", "billing", "settlement")
NAMES: Final = re.compile(r"sealed|encrypted|private_key")
BATCH_ROWS: Final = 500
NAMED_MAX: Final = 50
"""Rows that cannot be read and are named in the report."""

# (table, JSON column): members that hold sealed text.
MEMBERS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("charge_points_command", "arguments"): ("sealed_password",),
    ("accounts_idempotencyrecord", "response"): ("sealed",),
}


class UnableToReseal(DomainError):
    """Something is sealed under a key that nobody gave."""

    http_status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """Where sealed values stand; ``members`` of a JSON object, or the whole column."""

    model: type[models.Model]
    name: str
    members: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Table and column."""
        return f"{self.model._meta.db_table}.{self.name}"  # noqa: SLF001 - public by name


@dataclass(slots=True)
class Report:
    """What was found: resealed, already under the present key, not readable."""

    resealed: int = 0
    current: int = 0
    unreadable: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    unreadable_rows: list[str] = field(default_factory=list)


def sealed_columns() -> Iterator[SealedColumn]:
    """Every column that holds sealed values, of every room."""
    for model in apps.get_models():
        if model._meta.app_label not in ROOMS or model._meta.proxy:  # noqa: SLF001 - public by name
            continue
        for column in model._meta.concrete_fields:  # noqa: SLF001
            members = MEMBERS.get((model._meta.db_table, column.name), ())  # noqa: SLF001
            text = isinstance(
                column, models.CharField | models.TextField | models.BinaryField
            )
            if members or (text and NAMES.search(column.name)):
                yield SealedColumn(model, column.name, members)


def reseal_all(*, dry: bool = False) -> Report:
    """Seal everything with the present key, in batches; again changes nothing.

    Interrupted, it goes on where rows are still under a former key.

    Args:
        dry: only count what would be done.
    """
    report = Report()
    for column in sealed_columns():
        _reseal(column, report, dry=dry)
    return report


def _reseal(column: SealedColumn, report: Report, *, dry: bool) -> None:
    done, last = 0, None
    while True:
        with transaction.atomic():
            rows = _batch(column, last, lock=not dry)
            done += sum(_reseal_row(column, row, report, dry=dry) for row in rows)
        if len(rows) < BATCH_ROWS:
            break
        last = rows[-1].pk
    report.resealed += done
    report.columns[column.label] = done


def _batch(column: SealedColumn, last: Any, *, lock: bool) -> list[Any]:  # noqa: ANN401 - a key of any model
    rows = column.model._base_manager.order_by("pk").only("pk", column.name)  # noqa: SLF001 - public by name
    if column.members:
        rows = rows.filter(**{f"{column.name}__has_any_keys": list(column.members)})
    else:
        empty = b"" if _is_binary(column) else ""
        rows = rows.exclude(**{column.name: empty})
    if last is not None:
        rows = rows.filter(pk__gt=last)
    if lock:
        rows = rows.select_for_update(no_key=True)
    return list(rows[:BATCH_ROWS])


def _is_binary(column: SealedColumn) -> bool:
    found = column.model._meta.get_field(column.name)  # noqa: SLF001 - public by name
    return isinstance(found, models.BinaryField)


def _reseal_row(column: SealedColumn, row: Any, report: Report, *, dry: bool) -> bool:  # noqa: ANN401 - of any model
    value = getattr(row, column.name)
    try:
        fresh = _fresh(column, value)
    except UnableToUnseal:
        report.unreadable += 1
        if len(report.unreadable_rows) < NAMED_MAX:
            report.unreadable_rows.append(f"{column.label} {row.pk}")
        return False
    if fresh is None:
        report.current += 1
        return False
    if not dry:
        changed = column.model._base_manager.filter(pk=row.pk)  # noqa: SLF001 - public by name
        changed.update(**{column.name: fresh})
    return True


def _fresh(column: SealedColumn, value: Any) -> Any:  # noqa: ANN401 - text, bytes or JSON
    """The value under the present key; None when it is already."""
    if not column.members:
        return _fresh_value(value)
    sealed = {name: value[name] for name in column.members if value.get(name)}
    fresh = {name: _fresh_value(text) for name, text in sealed.items()}
    changed = {name: text for name, text in fresh.items() if text is not None}
    return {**value, **changed} if changed else None


def _fresh_value(value: str | bytes | memoryview) -> str | bytes | None:
    data = value.encode() if isinstance(value, str) else bytes(value)
    if is_sealed_now(data):
        return None
    fresh = seal_bytes(unseal_bytes(data))
    return fresh.decode() if isinstance(value, str) else fresh
