"""The form in which a tariff is written, and what it shows before it is saved."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy as _

from billing.admin.tariff_errors import in_words
from billing.models import Tariff
from billing.pricing import (
    LANGUAGES,
    PricedSession,
    Tariff as ParsedTariff,
    UnableToParseTariff,
    parse_tariff,
    tariff_text,
)
from billing.services.tariff_previews import priced_examples
from billing.services.tariffs import (
    TARIFF_BYTES_MAX,
    UnableToSaveTariff,
    check_period,
    parsed_tariff,
)
from cpms.accounts.models import Operator
from cpms.kernel.money import format_minor

LANGUAGE_NAMES: Final = {"en": "English", "de": "Deutsch", "zh": "中文"}

EXAMPLE: Final[dict[str, Any]] = {
    "country_code": "DE",
    "party_id": "ABC",
    "id": "STANDARD",
    "currency": "EUR",
    "tax_included": "NO",
    "elements": [
        {
            "price_components": [
                {"type": "ENERGY", "price": 0.49, "vat": 19, "step_size": 1},
                {"type": "PARKING_TIME", "price": 6.0, "vat": 19, "step_size": 60},
            ]
        }
    ],
    "idle_fee": {"grace_seconds": 1800, "cap_seconds": 14400},
    "last_updated": "2026-01-01T00:00:00Z",
}
"""What a new tariff begins with: something that works."""


class TariffForm(forms.Form):
    """An OCPI tariff object; the message of a mistake names field, fault and cure.

    Args:
        row: the tariff that gets a new version; None: a new tariff.
        operators: at which the user may make one.
    """

    operator: Any = forms.ModelChoiceField(queryset=Operator.objects.none())
    name = forms.CharField(max_length=120, required=False, help_text=_("For people"))
    applies_from = forms.DateTimeField(
        required=False,
        label=_("Applies from (UTC)"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text=(
            _(
                "For charges that start then or later; empty: from now on. Orders that "
                "run or are priced keep what they were sold by."
            )
        ),
    )
    ocpi = forms.CharField(
        label=_("OCPI tariff object (2.2.1 or 2.3.0)"),
        strip=False,
        widget=forms.Textarea(attrs={"rows": 28, "cols": 90, "spellcheck": "false"}),
    )

    def __init__(
        self,
        data: Any = None,  # noqa: ANN401 - Django's own
        *,
        row: Tariff | None,
        operators: QuerySet[Operator],
    ) -> None:
        """Fill in the newest version, or the example."""
        self.row = row
        self.parsed: ParsedTariff | None = None
        initial = {
            "name": row.name if row else "",
            "ocpi": json.dumps(row.ocpi if row else EXAMPLE, indent=2),
            "operator": operators.first() if operators.count() == 1 else None,
        }
        super().__init__(data, initial=initial)
        if row is None:
            self.fields["operator"].queryset = operators  # type: ignore[attr-defined]
        else:
            del self.fields["operator"]

    def clean_ocpi(self) -> dict[str, Any]:
        """Refuse what cannot be priced, and another tariff's id."""
        text = self.cleaned_data["ocpi"]
        if len(text.encode()) > TARIFF_BYTES_MAX:
            raise forms.ValidationError(
                _("More than %s bytes; leave out what is not needed.")
                % TARIFF_BYTES_MAX
            )
        try:
            ocpi: dict[str, Any] = json.loads(text)
            self.parsed = parsed_tariff(ocpi)
        except json.JSONDecodeError as error:
            raise forms.ValidationError(
                _(
                    "Line %(line)s, column %(column)s: %(why)s. The text must be one "
                    "JSON object."
                )
                % {"line": error.lineno, "column": error.colno, "why": error.msg}
            ) from error
        except RecursionError as error:
            raise forms.ValidationError(
                _("Too deeply nested; no tariff is.")
            ) from error
        except UnableToSaveTariff as error:
            raise forms.ValidationError(in_words(error.message)) from error
        if self.row is not None and self.parsed.id != self.row.code:
            raise forms.ValidationError(
                _(
                    "id: is “%(given)s”, but this is tariff “%(kept)s”. A version "
                    "keeps the id; for another id add a new tariff."
                )
                % {"given": self.parsed.id, "kept": self.row.code}
            )
        return ocpi

    def clean(self) -> dict[str, Any]:
        """A version can be sold, and a new tariff needs an id of its own."""
        found: dict[str, Any] = super().clean() or {}
        if self.parsed is None:
            return found
        try:
            begin = found.get("applies_from")
            check_period(self.parsed, applies_from=begin, at=timezone.now())
        except UnableToSaveTariff as error:
            self.add_error("ocpi", in_words(error.message))
        operator = found.get("operator")
        if operator is not None:
            rows = Tariff.objects.filter(operator=operator, code=self.parsed.id)
            if rows.exists():
                self.add_error(
                    "ocpi",
                    _(
                        "id: %(operator)s has a tariff “%(code)s” already. Open that "
                        "one to give it a new version, or choose another id."
                    )
                    % {"operator": operator, "code": self.parsed.id},
                )
        return found


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line of an example's price."""

    dimension: str
    volume: str
    amount: str


@dataclass(frozen=True, slots=True)
class ShownExample:
    """An example as it costs by the newest version (empty: none) and by this one."""

    name: str
    now: str
    then: str
    lines: tuple[ShownLine, ...]

    @property
    def changes(self) -> bool:
        """Whether it would cost something else."""
        return bool(self.now) and self.now != self.then


@dataclass(frozen=True, slots=True)
class Shown:
    """A tariff before it is saved: its words in each language, and examples."""

    words: tuple[tuple[str, tuple[str, ...]], ...]
    examples: tuple[ShownExample, ...]


def shown(
    tariff: ParsedTariff, before: dict[str, Any] | None, time_zone: str, *, at: datetime
) -> Shown:
    """What drivers will read and pay.

    Args:
        tariff: as it would be saved.
        before: the newest version, if there is one; an unreadable one is left out.
        time_zone: of the examples.
        at: the day of the examples.
    """
    now: dict[str, str] = {}
    try:
        earlier = parse_tariff(before) if before is not None else None
    except UnableToParseTariff:
        earlier = None
    if earlier is not None:
        now = {
            each.name: _paid(each.priced)
            for each in priced_examples(earlier, time_zone, at=at)
        }
    return Shown(
        words=tuple(
            (LANGUAGE_NAMES[code], tuple(tariff_text(tariff, code).sentences()))
            for code in LANGUAGES
        ),
        examples=tuple(
            ShownExample(
                gettext(each.name),
                now.get(each.name, ""),
                _paid(each.priced),
                tuple(shown_lines(each.priced)),
            )
            for each in priced_examples(tariff, time_zone, at=at)
        ),
    )


def shown_lines(priced: PricedSession) -> Iterable[ShownLine]:
    """The lines of a price for people; exact amounts, taxes included."""
    for line in priced.lines:
        name: str = line.dimension
        if line.reservation:
            name = gettext("%s (reservation)") % name
        amount = f"{line.after_taxes.normalize():f} {priced.currency}"
        yield ShownLine(name, f"{line.billed_volume.normalize():f}", amount)


def _paid(priced: PricedSession) -> str:
    return format_minor(priced.total_minor, priced.currency)
