"""Keys of the operator's own systems: made, shown once, revoked. Owners only."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from cpms.accounts.admin_pages import (
    TONES,
    OperatorFilter,
    OwnListAdmin,
    framed,
    is_platform,
    may_act,
    operators_to_act_for,
    state,
    utc,
)
from cpms.accounts.models import ApiKey, Operator
from cpms.accounts.services.operators import (
    SCOPES,
    create_api_key,
    revoke_api_key,
)
from cpms.kernel.errors import DomainError


class ApiKeyForm(forms.Form):
    """What the key is for, and what it may do."""

    operator = forms.ModelChoiceField(queryset=Operator.objects.none())
    name = forms.CharField(
        max_length=80, help_text=_("What the key is for, such as “accounting”.")
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Give a key no more than its system needs."),
    )

    def __init__(self, data: Any, *, operators: QuerySet[Operator]) -> None:  # noqa: ANN401 - what Django takes
        """Offer these operators."""
        super().__init__(data)
        field = self.fields["operator"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = operators
        only = list(operators[:2])
        if len(only) == 1:
            field.initial = only[0]
            field.empty_label = None


@admin.register(ApiKey)
class ApiKeyAdmin(OwnListAdmin):
    """Keys of operators' systems; the secret itself is kept nowhere."""

    view_roles = frozenset()
    list_display = ("prefix", "operator", "name", "may", "made", "is_good")
    list_filter = (OperatorFilter,)
    search_fields = ("prefix", "name")
    list_select_related = ("operator",)
    exclude = ("key_hash",)
    ordering = ("-id",)
    actions = ("revoke",)

    @display(description=_("scopes"))  # type: ignore[untyped-decorator]
    def may(self, row: ApiKey) -> str:
        """What it may do."""
        return ", ".join(row.scopes)

    @display(description=_("Created (UTC)"), ordering="created_at")  # type: ignore[untyped-decorator]
    def made(self, row: ApiKey) -> str:
        """When, in UTC."""
        return utc(row.created_at)

    @display(description=_("State"), label=TONES)  # type: ignore[untyped-decorator]
    def is_good(self, row: ApiKey) -> tuple[str, str]:
        """Whether it still opens anything."""
        if row.revoked_at is not None:
            return state("revoked")
        ends = row.expires_at
        return state("expired" if ends and ends <= timezone.now() else "active")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002 - unfold is untyped
        """Owners make keys: the platform moves nobody's money, by REST neither."""
        return bool(operators_to_act_for(request, frozenset()))

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether the list offers to revoke; each row is asked again."""
        return is_platform(request) or self.has_add_permission(request)

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Make a key; it is shown this once."""
        del form_url, extra_context
        if not self.has_add_permission(request):
            raise PermissionDenied
        own = operators_to_act_for(request, frozenset())
        rows = Operator.objects.filter(pk__in=own).order_by("name")
        form = ApiKeyForm(request.POST or None, operators=rows)
        made = None
        if request.method == "POST" and form.is_valid():
            try:
                made = create_api_key(
                    operator_code=form.cleaned_data["operator"].code,
                    scopes=form.cleaned_data["scopes"],
                    name=form.cleaned_data["name"],
                    by=str(request.user),
                    at=timezone.now(),
                )
            except DomainError as error:
                form.add_error(None, error.message)
        title = _("A key for your own system")
        answer = framed(
            self, request, "cpms/admin/api_key.html", title=title, form=form, made=made
        )
        answer["Cache-Control"] = "no-store"
        return answer

    @admin.action(
        description=_("Revoke: systems with this key are refused from now on"),
        permissions=["act"],
    )
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """At once and for good."""
        for row in queryset:
            if not may_act(request, operator_id=row.operator_id, roles=frozenset()):
                raise PermissionDenied
            revoke_api_key(api_key_id=row.pk, by=str(request.user), at=timezone.now())
            messages.success(request, _("%s is revoked.") % row)
