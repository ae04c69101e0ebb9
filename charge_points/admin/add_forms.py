"""Adding by a service: a form, the service's refusal beside it, then the new row."""

from datetime import datetime
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from charge_points.models import ChargePoint
from cpms.accounts.admin_pages import (
    OwnListAdmin,
    framed,
    is_platform,
    operators_to_act_for,
    operators_to_add_to,
)
from cpms.accounts.models import Membership, Operator
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import new_secret

ROLES: Final = frozenset({Membership.Role.TECHNICIAN})


class KeyedForm(forms.Form):
    """``key`` makes a second click the same request."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(
        self,
        data: Any = None,  # noqa: ANN401 - what Django takes
        files: Any = None,  # noqa: ANN401 - what Django takes
        *,
        operators: QuerySet[Operator],
    ) -> None:
        """For these operators."""
        super().__init__(data, files, initial={"key": new_secret(bits=128)})
        self.operators = operators


class StationForm(KeyedForm):
    """What is asked of one charge point."""

    charge_point = forms.CharField(
        max_length=48, label=_("Charge point"), help_text=_("Its identity.")
    )

    def clean_charge_point(self) -> ChargePoint:
        """A charge point of these operators."""
        identity = self.cleaned_data["charge_point"]
        found = ChargePoint.objects.filter(
            identity=identity, operator__in=self.operators
        ).first()
        if found is None:
            raise forms.ValidationError(_("You have no charge point %s.") % identity)
        return found


class AddByService(OwnListAdmin):
    """A list whose rows are added by a form that calls a service.

    ``perform`` does it and returns the row; technicians and owners may.
    """

    action_roles: ClassVar[frozenset[str]] = ROLES
    add_form: ClassVar[type[KeyedForm]]
    add_title: ClassVar[Any]
    add_button: ClassVar[Any] = _("Add it")
    add_deed: ClassVar[str]
    """What the audit log calls it."""

    def perform(self, request: HttpRequest, form: KeyedForm, *, at: datetime) -> Any:  # noqa: ANN401 - of any model
        """Call the service with a valid form."""
        raise NotImplementedError

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002 - unfold is untyped
        """Technicians may."""
        return is_platform(request) or bool(operators_to_act_for(request, ROLES))

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form, and what it does."""
        del form_url, extra_context
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = self.add_form(
            request.POST or None,
            request.FILES or None,
            operators=operators_to_add_to(request, ROLES),
        )
        if request.method == "POST" and form.is_valid():
            row = self._perform(request, form)
            if row is not None:
                messages.success(request, _("%s: done.") % row)
                return HttpResponseRedirect(self.url_after(row))
        return framed(
            self,
            request,
            "charge_points/add_by_form.html",
            title=self.add_title,
            button=self.add_button,
            form=form,
        )

    def url_after(self, row: Any) -> str:  # noqa: ANN401 - of any model
        """Where to go when it is done: the list."""
        del row
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        return reverse(f"admin:{name}_changelist")

    def _perform(self, request: HttpRequest, form: KeyedForm) -> Any:  # noqa: ANN401 - of any model
        now = timezone.now()
        try:
            with transaction.atomic():
                row = self.perform(request, form, at=now)
                audit.record(
                    operator_id=row.operator_id,
                    actor=str(request.user),
                    action=self.add_deed,
                    object=f"{self.opts.verbose_name} {row}"[:160],
                    changes={"row": row.pk},
                    at=now,
                )
        except DomainError as error:
            form.add_error(None, error.message)
            return None
        return row
