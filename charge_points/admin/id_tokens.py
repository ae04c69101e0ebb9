"""Tokens: what each may do, written through the start policy's service."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from charge_points.models import IdToken
from charge_points.services import id_tokens
from cpms.accounts.admin_pages import (
    TONES,
    OperatorFilter,
    ScopedFormAdmin,
    is_platform,
    may_act,
    state,
)
from cpms.accounts.models import Membership
from cpms.accounts.services import audit


class IdTokenForm(forms.ModelForm):  # type: ignore[type-arg]  # not at run time
    """One token's policy; the key that it is found by follows from the token."""

    class Meta:
        model = IdToken
        fields: ClassVar[Any] = (
            "operator",
            "token",
            "status",
            "token_type",
            "group_id",
            "expires_at",
            "concurrent_allowed",
            "stop_only",
            "valid_from",
            "valid_until",
        )

    def clean(self) -> dict[str, Any]:
        """Refuse what the service would: an empty or unprintable token, a twin."""
        clean = super().clean() or {}
        if (clean.get("valid_from") is None) != (clean.get("valid_until") is None):
            self.add_error("valid_until", "Hours have a begin and an end, or neither.")
        if self.instance.pk or "token" not in clean:
            return clean
        key = id_tokens.token_key(clean["token"])
        if not key or not key.isprintable():
            self.add_error("token", "A token has 1 to 255 printable characters.")
        twin = IdToken.objects.filter(token_key=key, operator=clean.get("operator"))
        if twin.exists():
            self.add_error("token", "This token has a policy already; change that one.")
        return clean


@admin.register(IdToken)
class IdTokenAdmin(ScopedFormAdmin):
    """The operator's own tokens; those of all operators are the platform's."""

    form = IdTokenForm
    change_roles = frozenset({Membership.Role.TECHNICIAN})
    fixed_fields = ("operator", "token")
    readonly_fields = ("account_state", "driver_id", "updated_at")
    list_display = (
        "token",
        "operator",
        "policy",
        "account",
        "token_type",
        "group_id",
        "expires_at",
        "updated_at",
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("account_state", ChoicesDropdownFilter),
        OperatorFilter,
    )
    search_fields = ("token", "token_key", "group_id")
    search_help_text = _("Token or group")
    list_select_related = ("operator",)
    ordering = ("-id",)

    @display(description=_("Status"), label=TONES, ordering="status")  # type: ignore[untyped-decorator]
    def policy(self, row: IdToken) -> tuple[str, str]:
        """What Authorize answers."""
        return state(row.status)

    @display(description=_("Account"), label=TONES, ordering="account_state")  # type: ignore[untyped-decorator]
    def account(self, row: IdToken) -> tuple[str, str]:
        """Whether the account behind it can pay."""
        return state(row.account_state)

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
        obj: IdToken,
        form: IdTokenForm,
        change: bool,  # noqa: FBT001 - Django's own
    ) -> None:
        """Write through the service, which wakes the gateways; audit beside it."""
        if obj.operator_id is None:
            allowed = is_platform(request)
        else:
            allowed = may_act(
                request, operator_id=obj.operator_id, roles=self.change_roles
            )
        if not allowed:
            raise PermissionDenied
        if change:  # what an account may do changes without us: take the newest
            known = IdToken.objects.select_for_update().get(pk=obj.pk)
            obj.driver_id, obj.account_state = known.driver_id, known.account_state
        now = timezone.now()
        saved = id_tokens.put_policy(
            token=obj.token,
            status=obj.status,
            operator_id=obj.operator_id,
            at=now,
            group=obj.group_id,
            expires_at=obj.expires_at,
            driver_id=obj.driver_id,
            account_state=obj.account_state,
            token_type=obj.token_type,
            concurrent_allowed=obj.concurrent_allowed,
            stop_only=obj.stop_only,
            allowed_connector_types=obj.allowed_connector_types,
            allowed_site_ids=obj.allowed_site_ids,
            valid_from=obj.valid_from,
            valid_until=obj.valid_until,
        )
        obj.pk = saved.pk
        obj.refresh_from_db()
        audit.record(
            operator_id=obj.operator_id,
            actor=str(request.user),
            action="id_token.changed" if change else "id_token.created",
            object=f"token {obj.token}",
            changes={name: str(getattr(obj, name)) for name in form.changed_data},
            at=now,
        )
