"""Operators' own keys at their provider: given, tried, changed. Owners only."""

from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from cpms.accounts.admin_pages import (
    TONES,
    OperatorFilter,
    OwnListAdmin,
    framed,
    list_url,
    operators_to_act_for,
    state,
    utc,
)
from cpms.accounts.models import Operator
from cpms.kernel.errors import DomainError
from settlement.admin.shared import who
from settlement.models import OwnKeySubmission
from settlement.services.own_keys import SECRET_CHARS_MAX, submit
from settlement.services.payees import OwnKey

_TYPED_ONCE: Final = {"autocomplete": "off", "spellcheck": "false"}


def _secret() -> forms.PasswordInput:
    """A field whose value never comes back to the browser."""
    return forms.PasswordInput(attrs=_TYPED_ONCE, render_value=False)


class OwnKeyForm(forms.Form):
    """The account, its restricted key, and what signs its webhooks."""

    operator = forms.ModelChoiceField(queryset=Operator.objects.none())
    provider = forms.ChoiceField(choices=())
    reference = forms.RegexField(
        regex=r"^[A-Za-z0-9_]{1,80}$",
        label=_("Account"),
        help_text=_("The provider's name for it, such as acct_…"),
    )
    api_key = forms.CharField(
        widget=_secret(),
        max_length=SECRET_CHARS_MAX,
        label=_("Restricted key"),
        help_text=_(
            "rk_…, made in the provider's own pages; it must not be able to pay out."
        ),
    )
    webhook_secret = forms.CharField(
        widget=_secret(),
        max_length=SECRET_CHARS_MAX,
        label=_("Webhook secret"),
        help_text=_("whsec_…, of the endpoint that calls this system."),
    )

    def __init__(self, data: Any, *, operators: QuerySet[Operator]) -> None:  # noqa: ANN401 - what Django takes
        """Offer these operators and the providers of this deployment."""
        super().__init__(data)
        field, provider = self.fields["operator"], self.fields["provider"]
        assert isinstance(field, forms.ModelChoiceField)
        assert isinstance(provider, forms.ChoiceField)
        field.queryset = operators
        provider.choices = [(name, name) for name in sorted(settings.PAYMENT_PROVIDERS)]
        only = list(operators[:2])
        if len(only) == 1:
            field.initial = only[0]
            field.empty_label = None


@admin.register(OwnKeySubmission)
class OwnKeySubmissionAdmin(OwnListAdmin):
    """Keys that were given, and what the provider said to them."""

    view_roles = frozenset()
    list_display = (
        "reference",
        "provider",
        "ending",
        "status",
        "note",
        "submitted_by",
        "submitted",
        "operator",
    )
    list_filter = (("state", ChoicesDropdownFilter), OperatorFilter)
    search_fields = ("reference",)
    list_select_related = ("operator",)
    exclude = ("sealed_key", "sealed_webhook_secret")
    ordering = ("-id",)

    @display(description=_("Key"), ordering="key_ending")  # type: ignore[untyped-decorator]
    def ending(self, row: OwnKeySubmission) -> str:
        """Its last characters; there is no way to see more."""
        return f"…{row.key_ending}"

    @display(description=_("State"), label=TONES, ordering="state")  # type: ignore[untyped-decorator]
    def status(self, row: OwnKeySubmission) -> tuple[str, str]:
        """Whether it is in use."""
        return state(row.state)

    @display(description=_("Given (UTC)"), ordering="submitted_at")  # type: ignore[untyped-decorator]
    def submitted(self, row: OwnKeySubmission) -> str:
        """When, in UTC."""
        return utc(row.submitted_at)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002 - unfold is untyped
        """Owners alone: the platform is not in between, and its staff not either."""
        return bool(operators_to_act_for(request, frozenset()))

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Take a key in; a worker tries it, the list shows what came of it."""
        del form_url, extra_context
        if not self.has_add_permission(request):
            raise PermissionDenied
        own = operators_to_act_for(request, frozenset())
        rows = Operator.objects.filter(pk__in=own).order_by("name")
        form = OwnKeyForm(request.POST or None, operators=rows)
        if request.method == "POST" and form.is_valid():
            try:
                row = _submit(form, by=who(request))
            except DomainError as error:
                form.add_error(None, error.message)
            else:
                messages.success(
                    request,
                    _("The key …%s is being tried; reload in a moment.")
                    % row.key_ending,
                )
                return HttpResponseRedirect(list_url("settlement_ownkeysubmission"))
        title = _("A key of your own account")
        answer = framed(
            self, request, "settlement/own_key.html", title=title, form=form
        )
        answer["Cache-Control"] = "no-store"
        return answer


def _submit(form: OwnKeyForm, *, by: str) -> OwnKeySubmission:
    given = form.cleaned_data
    return submit(
        operator_id=given["operator"].pk,
        provider=given["provider"],
        reference=given["reference"],
        own=OwnKey(given["api_key"], given["webhook_secret"]),
        by=by,
        at=timezone.now(),
    )
