"""Contracts of drivers, for platform staff."""

from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from billing.services import contracts
from cpms.accounts.admin import PlatformAdmin
from cpms.accounts.models import Contract

EMAID_CHARS_MAX: Final = 30
"""As people write it, with hyphens; the service keeps the 14 or 15 that count."""


class ContractForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """An eMAID as it is printed; the service says whether it is one."""

    emaid = forms.CharField(
        max_length=EMAID_CHARS_MAX, label=_("eMAID"), help_text=_("DE-8AA-1A2B3C4D5-9")
    )

    class Meta:
        model = Contract
        fields = ("driver", "emaid", "label")

    def _get_validation_exclusions(self) -> set[str]:
        """The shape and who has it already are the service's to refuse, in words."""
        left_out: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]  # unknown to the stubs
        return {*left_out, "emaid"}


@admin.register(Contract)
class ContractAdmin(PlatformAdmin):
    """Which account pays for which eMAID (ISO 15118 Plug & Charge)."""

    list_display = ("emaid", "driver", "label", "state", "proved", "registered_at")
    list_filter = ("state", "proved")
    search_fields = ("emaid", "driver__email", "label")
    list_select_related = ("driver",)
    form = ContractForm
    fields = ("driver", "emaid", "label")
    autocomplete_fields = ("driver",)
    actions = ("cancel",)

    def has_change_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's own
        obj: Contract | None = None,  # noqa: ARG002 - Django's own
    ) -> bool:
        """A contract is registered and cancelled, never changed."""
        return False

    def has_delete_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's own
        obj: Contract | None = None,  # noqa: ARG002 - Django's own
    ) -> bool:
        """It stays, cancelled."""
        return False

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Register one; a refusal leads back to the form with what was entered."""
        try:
            answer: HttpResponse = super().add_view(request, form_url, extra_context)
        except contracts.UnableToRegisterContract as error:
            messages.error(request, error.message)
            entered = urlencode(
                {name: request.POST.get(name, "") for name in self.fields}
            )
            return HttpResponseRedirect(f"{request.path}?{entered}")
        return answer

    def save_model(
        self,
        request: HttpRequest,
        obj: Contract,
        form: object,  # noqa: ARG002 - Django's own
        change: bool,  # noqa: ARG002, FBT001 - Django's own
    ) -> None:
        """Register it by the service, as drivers do."""
        row = contracts.register(
            driver_id=obj.driver_id,
            wanted=contracts.Wanted(obj.emaid, obj.label),
            by=str(request.user),
            at=timezone.now(),
        )
        obj.pk = row.pk

    @action(description=_("Cancel: vehicles that present it are refused"))  # type: ignore[untyped-decorator]  # unfold is untyped
    def cancel(self, request: HttpRequest, queryset: QuerySet[Contract]) -> None:
        """Cancel the chosen ones."""
        for row in queryset:
            contracts.cancel(
                driver_id=row.driver_id,
                contract_id=row.pk,
                by=str(request.user),
                at=timezone.now(),
            )
            messages.success(request, _("%s is cancelled.") % row)
