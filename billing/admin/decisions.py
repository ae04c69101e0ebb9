"""What energy is billed: a person's decision on the page of an order."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import Order
from billing.models.order_states import OrderState
from billing.services import corrections, reviewing
from cpms.kernel.errors import DomainError


class DecisionForm(forms.Form):
    """The energy to bill, and why."""

    energy_wh = forms.IntegerField(
        label=_("Energy to bill, Wh"),
        min_value=0,
        max_value=reviewing.ENERGY_WH_MAX,
        required=False,
        help_text=_("Empty: what was measured."),
    )
    note = forms.CharField(
        label=_("Explanation"),
        min_length=3,
        max_length=reviewing.NOTE_CHARS_MAX,
        help_text=_("The driver may ask; auditors read this."),
    )


def can_be_decided(order: Order) -> bool:
    """Whether a decision would be taken: a review, or a bill to be corrected."""
    return order.state == OrderState.REVIEW or order.state in corrections.BILLED


def decide(
    request: HttpRequest, order: Order, *, may_act: bool
) -> HttpResponse | DecisionForm:
    """Take a decision; the form comes back when something in it is wrong.

    Raises:
        PermissionDenied: the user may not decide about this operator's money.
    """
    if request.method != "POST" or not may_act:
        raise PermissionDenied
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return form
    values: dict[str, Any] = form.cleaned_data
    try:
        reviewing.decide(
            number=order.number,
            energy_wh=values["energy_wh"],
            note=values["note"],
            by=str(request.user.pk),
            at=timezone.now(),
        )
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("It is billed as you decided."))
    return HttpResponseRedirect(reverse("admin:billing_order_change", args=[order.pk]))
