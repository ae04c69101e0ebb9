"""The form that takes a charge point in."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from charge_points.models import Connector
from charge_points.services.boots import INTERVAL_S_MAX
from charge_points.services.connectors import EVSES_MAX
from charge_points.services.provisioning import DEFAULT_SITE, NewChargePoint
from cpms.accounts.models import Operator

PROFILES = (
    (1, _("1: password, no TLS")),
    (2, _("2: password and TLS")),
    (3, _("3: TLS with client certificate")),
    (0, _("0: no password (only where the operator allows it)")),
)
POWER_MAX_W = 1_000_000


class NewStationForm(forms.Form):
    """What ``provisioning.create_charge_point`` wants to know."""

    operator = forms.ModelChoiceField(queryset=Operator.objects.none())
    identity = forms.CharField(
        max_length=48,
        help_text=_("As the station calls itself at the end of its URL."),
    )
    site = forms.CharField(
        max_length=120,
        initial=DEFAULT_SITE,
        help_text=_("A new name makes a new site; its address can be filled in later."),
    )
    security_profile = forms.TypedChoiceField(choices=PROFILES, coerce=int, initial=1)
    evses = forms.IntegerField(
        label=_("EVSEs"),
        min_value=1,
        max_value=EVSES_MAX,
        initial=1,
        help_text=_("Places that charge at the same time; one connector each."),
    )
    connector_type = forms.ChoiceField(choices=Connector.Type.choices, required=False)
    max_power_w = forms.IntegerField(
        label=_("Power per EVSE, W"),
        min_value=0,
        max_value=POWER_MAX_W,
        initial=0,
        help_text=_("0 when it is not known."),
    )

    def __init__(
        self,
        data: Any = None,  # noqa: ANN401 - what Django takes
        *,
        operators: QuerySet[Operator],
    ) -> None:
        """Offer these operators."""
        super().__init__(data)
        field = self.fields["operator"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = operators
        only = list(operators[:2])
        if len(only) == 1:
            field.initial = only[0]
            field.empty_label = None

    def wanted(self) -> NewChargePoint:
        """The valid form as the service's argument."""
        clean = self.cleaned_data
        return NewChargePoint(
            operator_code=clean["operator"].code,
            identity=clean["identity"],
            security_profile=clean["security_profile"],
            evses=clean["evses"],
            max_power_w=clean["max_power_w"],
            connector_type=clean["connector_type"],
            site=clean["site"],
        )


class IntervalsForm(forms.Form):
    """Intervals of one station in seconds; empty: the platform's own."""

    heartbeat_s = forms.IntegerField(
        min_value=1, max_value=INTERVAL_S_MAX, required=False
    )
    boot_retry_s = forms.IntegerField(
        min_value=1, max_value=INTERVAL_S_MAX, required=False
    )
