"""Staff pages of accounts, and the base of every operator-scoped page."""

from collections.abc import Collection
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from cpms.accounts.models import (
    Driver,
    Membership,
    Operator,
    User,
    Vehicle,
)
from cpms.accounts.services import second_factor
from cpms.accounts.services.audit import record
from cpms.accounts.services.staff import operator_ids_of

admin.site.unregister(Group)


def request_operator_ids(request: HttpRequest) -> tuple[int, ...]:
    """The operators whose rows this staff request may see."""
    ids = getattr(request, "operator_ids", None)
    return operator_ids_of(user_id=request.user.pk or 0) if ids is None else ids


def _roles_of(request: HttpRequest) -> dict[int, str]:
    """The user's role at each of its operators; one query a request."""
    known: dict[int, str] | None = getattr(request, "operator_roles", None)
    if known is None:
        rows = Membership.objects.filter(user_id=request.user.pk or 0)
        known = dict(rows.values_list("operator_id", "role"))
        request.operator_roles = known  # type: ignore[attr-defined]
    return known


def operators_with(request: HttpRequest, roles: Collection[str]) -> frozenset[int]:
    """The operators at which the user is an owner or has one of these roles."""
    wanted = {*roles, Membership.Role.OWNER}
    return frozenset(key for key, role in _roles_of(request).items() if role in wanted)


def _shown(row: Any, field: str) -> str:  # noqa: ANN401 - of any model
    """A field's value for the audit log, which holds no secrets."""
    return "***" if "password" in field else str(getattr(row, field, ""))


class _AuditedAdmin(ModelAdmin):  # type: ignore[misc]  # unfold is untyped
    """What a form changes has an audit row; nothing is deleted."""

    def _operator_of(self, row: Any) -> int | None:  # noqa: ANN401, ARG002 - of any model
        """Whose row it is; None for the platform's own."""
        return None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002
        """Nothing is deleted from the admin."""
        return False

    def save_model(
        self,
        request: HttpRequest,
        obj: Any,  # noqa: ANN401 - of any model
        form: Any,  # noqa: ANN401 - unfold is untyped
        change: bool,  # noqa: FBT001 - Django's own
    ) -> None:
        """Keep an audit row beside the change."""
        super().save_model(request, obj, form, change)
        record(
            operator_id=self._operator_of(obj),
            actor=str(request.user),
            action=f"{obj._meta.model_name}.{'changed' if change else 'created'}",  # noqa: SLF001 - public by name
            object=f"{obj._meta.verbose_name} {obj}"[:160],  # noqa: SLF001
            changes={name: _shown(obj, name) for name in form.changed_data},
            at=timezone.now(),
        )


class OperatorScopedAdmin(_AuditedAdmin):
    """Rows of the user's operators only; platform staff sees all.

    ``operator_path`` is the lookup from the model to its operator id. Members may
    view; changing needs one of ``change_roles`` (owner always may) at the row's own
    operator: a role at one operator says nothing about another one. Models whose
    services are the only writers set ``read_only = True``. What a form changes is
    audited.
    """

    operator_path: ClassVar[str] = "operator_id"
    change_roles: ClassVar[frozenset[str]] = frozenset({"owner"})
    view_roles: ClassVar[frozenset[str] | None] = None
    """Who may look, besides owners; None: every member."""
    read_only: ClassVar[bool] = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Filter by operator: the first wall (row level security is the second)."""
        rows = super().get_queryset(request)
        if request.user.is_superuser:
            return rows  # type: ignore[no-any-return]
        ids = self._visible(request)
        return rows.filter(**{f"{self.operator_path}__in": ids})  # type: ignore[no-any-return]

    def _visible(self, request: HttpRequest) -> Collection[int]:
        """The operators whose rows this member may look at."""
        ids = request_operator_ids(request)
        if self.view_roles is None:
            return ids
        return operators_with(request, self.view_roles) & frozenset(ids)

    def _is_member(self, request: HttpRequest) -> bool:
        return bool(
            request.user.is_active
            and request.user.is_staff
            and (request.user.is_superuser or self._visible(request))
        )

    def _changeable(self, request: HttpRequest) -> frozenset[int]:
        """The operators whose rows this member may change."""
        if self.read_only or not self._is_member(request):
            return frozenset()
        return operators_with(request, self.change_roles)

    def _may_change(self, request: HttpRequest, row: Any = None) -> bool:  # noqa: ANN401 - of any model
        if request.user.is_superuser:
            return not self.read_only and self._is_member(request)
        allowed = self._changeable(request)
        return bool(allowed) if row is None else self._operator_of(row) in allowed

    def _operator_of(self, row: Any) -> int | None:  # noqa: ANN401 - of any model
        for name in self.operator_path.split("__"):
            row = getattr(row, name)
        return None if row is None else int(row)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Members see the room."""
        return self._is_member(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002
        """Members may look; the queryset keeps others' rows away."""
        return self._is_member(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401 - unfold is untyped
        """Members with the role at the row's operator may change."""
        return self._may_change(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002
        """Members with the role may add."""
        return self._may_change(request)

    def formfield_for_foreignkey(
        self,
        db_field: Any,  # noqa: ANN401 - unfold is untyped
        request: HttpRequest,
        **kwargs: Any,
    ) -> Any:  # noqa: ANN401 - unfold is untyped
        """Offer the operators whose rows the user may change."""
        if db_field.name == "operator" and not request.user.is_superuser:
            ids = self._changeable(request)
            kwargs["queryset"] = Operator.objects.filter(pk__in=ids)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class PlatformAdmin(_AuditedAdmin):
    """Pages of platform staff only."""

    read_only: ClassVar[bool] = False

    def _is_platform(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Platform staff only."""
        return self._is_platform(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002
        """Platform staff only."""
        return self._is_platform(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002
        """Platform staff only, and not where services are the only writers."""
        return self._is_platform(request) and not self.read_only

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Platform staff only, and not where services are the only writers."""
        return self._is_platform(request) and not self.read_only


@admin.register(User)
class UserAdmin(DjangoUserAdmin, PlatformAdmin):  # type: ignore[type-arg]
    """Staff and drivers who can log in."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    ordering = ("email",)
    list_display = ("email", "is_staff", "is_superuser", "is_active", "last_login")
    actions = ("forget_second_factor",)
    search_fields = ("email",)
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "password1", "password2")}),)
    filter_horizontal = ()
    list_filter = ("is_staff", "is_superuser")

    @admin.action(description=_("Forget the second factor (phone lost)"))
    def forget_second_factor(
        self, request: HttpRequest, queryset: QuerySet[User]
    ) -> None:
        """Those chosen enrol anew at their next log-in; make sure of the person."""
        for user in queryset:
            second_factor.forget(user, by=str(request.user))
            messages.success(
                request, _("%s enrols anew at the next log-in.") % user.email
            )


class MembershipInline(TabularInline):  # type: ignore[misc]  # unfold is untyped
    """Who works for the operator."""

    model = Membership
    extra = 0
    autocomplete_fields = ("user",)


@admin.register(Operator)
class OperatorAdmin(OperatorScopedAdmin):
    """Operators."""

    operator_path = "id"
    read_only = False
    list_display = ("name", "code", "country", "currency", "time_zone")
    search_fields = ("name", "code")
    readonly_fields: tuple[str, ...] = ("created_at",)
    # Prices, holds and the books are in its currency, addresses carry its code; the
    # platform answers for the country and for chargers without a password.
    fixed_fields = ("code", "country", "currency")
    platform_fields = ("allow_security_profile_0",)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        """Some fields never change, and some only by the platform."""
        fields = self.readonly_fields
        if obj is not None:
            fields = (*fields, *self.fixed_fields)
        if not request.user.is_superuser:
            fields = (*fields, *self.platform_fields)
        return fields

    def save_formset(
        self,
        request: HttpRequest,
        form: Any,  # noqa: ANN401 - unfold is untyped
        formset: Any,  # noqa: ANN401 - unfold is untyped
        change: bool,  # noqa: FBT001 - Django's own
    ) -> None:
        """Audit who became, changed and ceased to be a member."""
        super().save_formset(request, form, formset, change)
        written = {
            "created": formset.new_objects,
            "changed": [row for row, _ in formset.changed_objects],
            "deleted": formset.deleted_objects,
        }
        for deed, rows in written.items():
            for row in rows:
                record(
                    operator_id=form.instance.pk,
                    actor=str(request.user),
                    action=f"membership.{deed}",
                    object=f"member {row.user}"[:160],
                    changes={"role": row.role},
                    at=timezone.now(),
                )

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> list[Any]:  # noqa: ARG002
        """Members are managed by platform staff."""
        return [MembershipInline] if request.user.is_superuser else []

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002
        """Platform staff takes operators in."""
        return bool(request.user.is_superuser)


@admin.register(Driver)
class DriverAdmin(PlatformAdmin):
    """Drivers (platform staff only: they belong to no operator)."""

    read_only = True
    list_display = ("email", "can_pay", "locale", "created_at")
    search_fields = ("email",)


@admin.register(Vehicle)
class VehicleAdmin(PlatformAdmin):
    """Enrolled vehicles."""

    read_only = True
    list_display = ("label", "driver", "status", "fingerprint", "enrolled_at")
    search_fields = ("label", "fingerprint", "driver__email")
