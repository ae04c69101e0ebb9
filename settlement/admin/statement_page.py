"""The statement of a period: what each party of an operator's splits got."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, Final

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _

from cpms.accounts.models import Operator
from cpms.accounts.tenancy import acting_for
from settlement.admin.shared import money
from settlement.exports import statement
from settlement.services.statements import Period, lines, totals

LINES_SHOWN: Final = 500
"""Lines on the page; all of them are in the files."""


class StatementForm(forms.Form):
    """Whose statement, of which days (UTC), of all parties or of one.

    Args:
        operators: whose statements the user may see.
        today: the month before it is proposed.
    """

    operator: Any = forms.ModelChoiceField(
        queryset=Operator.objects.none(), label=_("Operator")
    )
    first = forms.DateField(
        label=_("From (UTC)"), widget=forms.DateInput(attrs={"type": "date"})
    )
    last = forms.DateField(
        label=_("Until (UTC)"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("This day included"),
    )
    party = forms.SlugField(
        max_length=40,
        required=False,
        label=_("Party"),
        help_text=_("Its key; empty: all parties"),
    )

    def __init__(
        self,
        data: Any = None,  # noqa: ANN401 - Django's own
        *,
        operators: QuerySet[Operator],
        today: date,
    ) -> None:
        """Offer the operators; the only one is chosen."""
        before = today.replace(day=1) - timedelta(days=1)
        initial = {
            "operator": operators.first() if operators.count() == 1 else None,
            "first": before.replace(day=1),
            "last": before,
        }
        super().__init__(data, initial=initial)
        self.fields["operator"].queryset = operators  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """The days in their order."""
        found: dict[str, Any] = super().clean() or {}
        first, last = found.get("first"), found.get("last")
        if first and last and last < first:
            self.add_error("last", _("The last day is before the first."))
        return found

    def period(self) -> Period:
        """The days as instants; only for a valid form."""
        found = self.cleaned_data
        return Period(
            found["operator"].pk,
            _midnight(found["first"]),
            _midnight(found["last"]) + timedelta(days=1),
            found["party"],
        )


def as_file(period: Period, kind: str) -> HttpResponseBase:
    """The statement to take away: ``csv`` streams, ``json`` has the totals too."""
    answer: HttpResponseBase
    if kind == "csv":
        answer = StreamingHttpResponse(_csv_of(period), content_type="text/csv")
    else:
        with acting_for([period.operator_id]):
            body = json.dumps(statement.as_json(period))
        answer = HttpResponse(body, content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="statement.{kind}"'
    return answer


def _csv_of(period: Period) -> Iterator[str]:
    """Read in a scope of its own: it is sent after the request's has ended."""
    with acting_for([period.operator_id]):
        yield from statement.as_csv(period)


def on_page(period: Period) -> dict[str, Any]:
    """Totals and the first lines, for people."""
    found = list(islice(lines(period), LINES_SHOWN + 1))
    return {
        "asked": True,
        "totals": [
            {
                "total": total,
                "captured": money(total.captured_minor, total.currency),
                "back": money(total.given_back_minor, total.currency),
                "sum": money(total.total_minor, total.currency),
            }
            for total in totals(period)
        ],
        "lines": [
            {"line": line, "amount": money(line.amount_minor, line.currency)}
            for line in found[:LINES_SHOWN]
        ],
        "more": len(found) > LINES_SHOWN,
    }


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
