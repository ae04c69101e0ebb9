"""Lists of the console as CSV and XLSX.

A list names its columns; what is exported is what was chosen in it, at most
``ROWS_MAX``. CSV is streamed: rows are read in portions, each in a scope of its own,
because the request's database transaction is over by then.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from tempfile import SpooledTemporaryFile
from typing import Any, ClassVar, Final, TypeAlias

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponseBase
from django.http.response import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _, gettext_lazy
from openpyxl import Workbook

from cpms.accounts.admin import request_operator_ids
from cpms.accounts.admin_pages import OwnListAdmin, is_platform
from cpms.accounts.services.audit import record
from cpms.accounts.tenancy import acting_as_platform, acting_for
from cpms.kernel.money import from_minor
from cpms.kernel.spreadsheets import cell_text

ROWS_MAX: Final = {"csv": 50_000, "xlsx": 20_000}
"""More take a filter by date; a workbook is built before it is sent."""
PORTION_ROWS: Final = 1000
FILE_BYTES_IN_MEMORY: Final = 4_194_304
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Cell: TypeAlias = "str | int | Decimal | datetime | None"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading and where a row's value comes from."""

    heading: str
    value: Callable[[Any], Any]


def field(path: str, heading: str = "") -> Column:
    """The attribute at a dotted path."""
    return Column(heading or path.replace(".", "_"), attrgetter(path))


def amount(path: str, currency: str = "currency", heading: str = "") -> Column:
    """Minor units at ``path`` as a decimal amount of the currency at ``currency``."""
    minor, code = attrgetter(path), attrgetter(currency)

    def value(row: Any) -> Decimal | None:  # noqa: ANN401 - of any model
        found = minor(row)
        return None if found is None else from_minor(found, code(row))

    last = path.rpartition(".")[2]
    return Column(heading or last.removesuffix("_minor"), value)


class ExportAdmin(OwnListAdmin):
    """A list that can be taken away.

    ``export_columns`` are read from ``export_model`` (the list's own when None), whose
    rows belong to those chosen by ``export_key``.
    """

    export_columns: ClassVar[tuple[Column, ...]]
    export_model: ClassVar[type[Model] | None] = None
    export_key: ClassVar[str] = "pk"
    export_related: ClassVar[tuple[str, ...]] = ()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The list's own, and the two formats."""
        found = dict(super().get_actions(request))
        for name in ("export_csv", "export_xlsx"):
            action = self.get_action(name)
            if action is not None:
                found[name] = action
        return found

    @admin.action(description=gettext_lazy("Export as CSV"))
    def export_csv(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponseBase | None:
        """Stream what was chosen."""
        keys = self._keys(request, queryset, "csv")
        if keys is None:
            return None
        scope = self._scope(request)
        lines = _csv_lines([column.heading for column in self.export_columns])
        return StreamingHttpResponse(
            lines(self._rows(keys, scope)),
            content_type="text/csv; charset=utf-8",
            headers=self._headers("csv"),
        )

    @admin.action(description=gettext_lazy("Export as Excel (XLSX)"))
    def export_xlsx(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponseBase | None:
        """Build the workbook of what was chosen, and send it."""
        keys = self._keys(request, queryset, "xlsx")
        if keys is None:
            return None
        book = Workbook(write_only=True)
        sheet = book.create_sheet(str(self.opts.verbose_name_plural)[:31])
        sheet.append([column.heading for column in self.export_columns])
        for row in self._rows(keys, self._scope(request)):
            sheet.append([_excel(value) for value in row])
        file = SpooledTemporaryFile(max_size=FILE_BYTES_IN_MEMORY)  # noqa: SIM115 - closed with the answer
        book.save(file)
        file.seek(0)
        return FileResponse(file, content_type=XLSX_TYPE, headers=self._headers("xlsx"))

    def _keys(
        self, request: HttpRequest, queryset: QuerySet[Any], form: str
    ) -> list[Any] | None:
        """Keys of the chosen rows in their order; None with a word when too many."""
        limit = ROWS_MAX[form]
        keys = list(queryset.values_list("pk", flat=True)[: limit + 1])
        if len(keys) > limit:
            text = _(
                "These are more than %(limit)s rows. Choose fewer, for example by "
                "date or state, and export them one after the other."
            )
            messages.error(request, text % {"limit": f"{limit:,}"})
            return None
        name = str(self.opts.model_name)
        for operator_id in request_operator_ids(request) or (None,):
            record(
                operator_id=operator_id,
                actor=str(request.user),
                action=f"{name}.exported",
                object=f"{len(keys)} {self.opts.verbose_name_plural}"[:160],
                changes={"format": form, "rows": len(keys)},
                at=timezone.now(),
            )
        return keys

    def _scope(
        self, request: HttpRequest
    ) -> Callable[[], AbstractContextManager[None]]:
        if is_platform(request):
            return lambda: acting_as_platform("an export that the platform asked for")
        ids = request_operator_ids(request)
        return lambda: acting_for(ids)

    def _rows(
        self,
        keys: Sequence[Any],
        scope: Callable[[], AbstractContextManager[None]],
    ) -> Iterator[list[Cell]]:
        """The cells of the rows, in the order of the keys."""
        model = self.export_model or self.model
        belongs = attrgetter(self.export_key)
        for start in range(0, len(keys), PORTION_ROWS):
            portion = keys[start : start + PORTION_ROWS]
            places = {key: place for place, key in enumerate(portion)}
            rows = model._default_manager.filter(  # noqa: SLF001 - public by name
                **{f"{self.export_key}__in": portion}
            ).select_related(*self.export_related)
            with scope():
                found = sorted(rows, key=lambda row: (places[belongs(row)], row.pk))
                cells = [
                    [_cell(column.value(row)) for column in self.export_columns]
                    for row in found
                ]
            yield from cells

    def _headers(self, form: str) -> dict[str, str]:
        name = f"{self.opts.model_name}-{timezone.now():%Y%m%d-%H%M}.{form}"
        return {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        }


def _cell(value: object) -> Cell:
    """What both formats take; times in UTC, texts no formula."""
    if value is None or isinstance(value, Decimal):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return cell_text(str(value))


def _excel(value: Cell) -> Cell:
    """Workbooks know no time zones (ECMA-376): UTC without saying so."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


class _Line:
    """A file that hands each written line back."""

    def write(self, line: str) -> str:
        """The line itself."""
        return line


def _csv_lines(
    headings: Sequence[str],
) -> Callable[[Iterable[Sequence[Cell]]], Iterator[str]]:
    writer = csv.writer(_Line())

    def lines(rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
        # The mark tells spreadsheets that this is UTF-8.
        yield "\N{ZERO WIDTH NO-BREAK SPACE}" + str(writer.writerow(headings))
        for row in rows:
            yield str(
                writer.writerow(
                    value.isoformat(timespec="seconds")
                    if isinstance(value, datetime)
                    else value
                    for value in row
                )
            )

    return lines
