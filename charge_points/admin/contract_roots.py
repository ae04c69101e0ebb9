"""Whose contract certificates (ISO 15118) are believed: roots, added and taken away."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from charge_points.models import ContractRoot
from charge_points.services import contract_roots
from cpms.accounts.admin import request_operator_ids
from cpms.accounts.admin_pages import (
    OperatorFilter,
    ScopedFormAdmin,
    is_platform,
    may_act,
    utc,
)
from cpms.accounts.models import Membership

ROLES = frozenset({Membership.Role.TECHNICIAN})


class ContractRootForm(forms.ModelForm):  # type: ignore[type-arg]  # not at run time
    """A root as its owner publishes it."""

    certificate_pem = forms.CharField(
        label=_("Certificate"),
        widget=forms.Textarea,
        max_length=contract_roots.PEM_CHARS_MAX,
        help_text=_("One CA certificate in PEM: a mobility operator's or V2G root"),
    )

    class Meta:
        model = ContractRoot
        fields: ClassVar[Any] = ("operator", "certificate_pem")

    def clean(self) -> dict[str, Any]:
        """Refuse what the service would."""
        clean = super().clean() or {}
        if "certificate_pem" not in clean:
            return clean
        try:
            contract_roots.check(clean["certificate_pem"], at=timezone.now())
        except contract_roots.UnableToAddRoot as error:
            self.add_error("certificate_pem", error.message)
        return clean


@admin.register(ContractRoot)
class ContractRootAdmin(ScopedFormAdmin):
    """Roots of one operator; those of all operators are the platform's."""

    form = ContractRootForm
    change_roles = ROLES
    action_roles = ROLES
    list_display = ("subject", "operator", "until", "added_by", "added", "fingerprint")
    list_filter = (OperatorFilter,)
    search_fields = ("subject", "fingerprint")
    search_help_text = _("Subject or fingerprint")
    list_select_related = ("operator",)
    ordering = ("-id",)
    actions = ("distrust",)

    @display(description=_("Valid until (UTC)"), ordering="not_after")  # type: ignore[untyped-decorator]
    def until(self, row: ContractRoot) -> str:
        """When it ends, in UTC."""
        return utc(row.not_after)

    @display(description=_("Added (UTC)"), ordering="added_at")  # type: ignore[untyped-decorator]
    def added(self, row: ContractRoot) -> str:
        """When, in UTC."""
        return utc(row.added_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContractRoot]:
        """Those of the user's operators, and those that count at all of them."""
        rows = ContractRoot.objects.select_related("operator")
        if is_platform(request):
            return rows
        mine = request_operator_ids(request)
        return rows.filter(Q(operator_id__in=mine) | Q(operator_id__isnull=True))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002 - unfold is untyped
        """Roots come and go; none is changed."""
        return False

    def get_form(
        self,
        request: HttpRequest,
        obj: Any = None,  # noqa: ANN401 - unfold is untyped
        change: bool = False,  # noqa: FBT001, FBT002 - Django's own
        **kwargs: Any,
    ) -> Any:  # noqa: ANN401 - unfold is untyped
        """Only the platform may leave the operator out."""
        form = super().get_form(request, obj, change=change, **kwargs)
        if "operator" in form.base_fields:
            form.base_fields["operator"].required = not is_platform(request)
        return form

    def save_model(
        self,
        request: HttpRequest,
        obj: ContractRoot,
        form: ContractRootForm,
        change: bool,  # noqa: ARG002, FBT001 - Django's own
    ) -> None:
        """Add it through the service, which writes it down."""
        if not _may(request, obj.operator_id):
            raise PermissionDenied
        saved = contract_roots.add(
            pem=form.cleaned_data["certificate_pem"],
            operator_id=obj.operator_id,
            by=str(request.user),
            at=timezone.now(),
        )
        obj.pk = saved.pk
        obj.refresh_from_db()

    @action(description=_("Trust no more: its contracts are refused"))  # type: ignore[untyped-decorator]  # unfold is untyped
    def distrust(self, request: HttpRequest, queryset: QuerySet[ContractRoot]) -> None:
        """Take away what the user's role allows."""
        for row in queryset:
            if not _may(request, row.operator_id):
                messages.error(request, _("%s: your role may look, not act.") % row)
                continue
            contract_roots.remove(
                fingerprint=row.fingerprint,
                operator_id=row.operator_id,
                by=str(request.user),
                at=timezone.now(),
            )
            messages.success(request, _("%s is trusted no more.") % row)


def _may(request: HttpRequest, operator_id: int | None) -> bool:
    """What counts at all operators is the platform's alone."""
    if operator_id is None:
        return is_platform(request)
    return may_act(request, operator_id=operator_id, roles=ROLES)
