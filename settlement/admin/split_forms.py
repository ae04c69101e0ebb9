"""Forms of a split agreement: the agreement, and a row for each party."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cpms.accounts.models import Operator
from cpms.kernel.money import format_minor, from_minor, to_minor
from settlement.models import SplitParty
from settlement.services.splits import PARTIES_MAX, Agreement, Party, allocate

EXAMPLES_MINOR: Final = (1, 1_001, 2_500, 10_000)
"""Charges that a preview divides, in minor units."""

_BEGINS: Final = forms.DateTimeInput(attrs={"type": "datetime-local"})


class AgreementForm(forms.Form):
    """Where and when; what is left empty matches everything.

    Args:
        operators: at which the user may agree.
    """

    operator: Any = forms.ModelChoiceField(
        queryset=Operator.objects.none(), label=_("Operator")
    )
    name = forms.CharField(max_length=80, label=_("Name"))
    site_id = forms.IntegerField(
        required=False,
        min_value=1,
        label=_("Site"),
        help_text=_("Only this site (its number); empty: all sites"),
    )
    charge_point = forms.CharField(
        max_length=48,
        required=False,
        label=_("Charge point"),
        help_text=_("Only this charge point (its identity); empty: all of them"),
    )
    valid_from = forms.DateTimeField(
        required=False,
        widget=_BEGINS,
        label=_("Valid from (UTC)"),
        help_text=_("For charges that are sold then or later; empty: from now on"),
    )
    valid_until = forms.DateTimeField(
        required=False,
        widget=_BEGINS,
        label=_("Valid until (UTC)"),
        help_text=_("Exclusive; empty: until another agreement begins"),
    )

    def __init__(self, data: Any = None, *, operators: QuerySet[Operator]) -> None:  # noqa: ANN401 - Django's own
        """Offer the operators; the only one is chosen."""
        first = operators.first() if operators.count() == 1 else None
        super().__init__(data, initial={"operator": first})
        self.fields["operator"].queryset = operators  # type: ignore[attr-defined]

    def agreement(self, parties: Sequence[Party], *, at: datetime) -> Agreement:
        """What is to be agreed; only for a valid form."""
        found = self.cleaned_data
        return Agreement(
            operator_id=found["operator"].pk,
            site_id=found["site_id"],
            charge_point=found["charge_point"],
            name=found["name"],
            parties=tuple(parties),
            valid_from=found["valid_from"] or at,
            valid_until=found["valid_until"],
        )


class PartyForm(forms.Form):
    """A party; a row without a key is left out."""

    key = forms.SlugField(
        max_length=40,
        required=False,
        label=_("Key"),
        help_text=_("Short name in the ledger: letters, digits, dashes"),
    )
    name = forms.CharField(max_length=120, required=False, label=_("Name"))
    role = forms.ChoiceField(
        choices=SplitParty.Role.choices, required=False, label=_("Role")
    )
    percent = forms.DecimalField(
        min_value=0, max_value=100, decimal_places=2, required=False, label=_("Percent")
    )
    fixed = forms.DecimalField(
        min_value=0, max_digits=12, required=False, label=_("Fixed, per charge")
    )
    least = forms.DecimalField(
        min_value=0, max_digits=12, required=False, label=_("At least")
    )
    most = forms.DecimalField(
        min_value=0, max_digits=12, required=False, label=_("At most")
    )

    def clean(self) -> dict[str, Any]:
        """A row that says anything has a key."""
        found: dict[str, Any] = super().clean() or {}
        stated = ("name", "percent", "fixed", "least", "most")
        if not found.get("key") and any(found.get(each) for each in stated):
            self.add_error("key", _("Give the party a key, or empty the row."))
        return found

    def party(self, currency: str) -> Party | None:
        """The party, amounts in minor units; None for an empty row.

        Raises:
            ValidationError: an amount has more decimals than the currency.
        """
        found = self.cleaned_data
        if not found.get("key"):
            return None
        return Party(
            key=found["key"],
            name=found["name"] or found["key"],
            role=found["role"],
            basis_points=int((found["percent"] or Decimal(0)) * 100),
            fixed_minor=self._minor("fixed", currency) or 0,
            min_minor=self._minor("least", currency),
            max_minor=self._minor("most", currency),
        )

    def _minor(self, name: str, currency: str) -> int | None:
        amount: Decimal | None = self.cleaned_data[name]
        if amount is None:
            return None
        minor = to_minor(amount, currency)
        if from_minor(minor, currency) != amount:
            raise forms.ValidationError(
                _("%(amount)s has more decimals than %(currency)s has.")
                % {"amount": amount, "currency": currency}
            )
        return minor


PartyFormSet: Any = forms.formset_factory(
    PartyForm, extra=3, max_num=PARTIES_MAX, validate_max=True, absolute_max=PARTIES_MAX
)


def row_of(party: Party, currency: str) -> dict[str, Any]:
    """A party as the form's row shows it."""

    def amount(minor: int | None) -> Decimal | None:
        return None if minor is None else from_minor(minor, currency)

    return {
        "key": party.key,
        "name": party.name,
        "role": party.role,
        "percent": Decimal(party.basis_points) / 100,
        "fixed": amount(party.fixed_minor),
        "least": amount(party.min_minor),
        "most": amount(party.max_minor),
    }


@dataclass(frozen=True, slots=True)
class Divided:
    """A charge as it would be divided: its amount, and name and share of each."""

    amount: str
    shares: tuple[tuple[str, str], ...]


def divided(parties: Sequence[Party], currency: str) -> tuple[Divided, ...]:
    """A few charges, divided by the function that divides the real ones."""
    return tuple(
        Divided(
            format_minor(amount, currency),
            tuple(
                (share.name, format_minor(share.amount_minor, currency))
                for share in allocate(amount, parties)
            ),
        )
        for amount in EXAMPLES_MINOR
    )
