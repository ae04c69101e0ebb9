"""Groups of drivers, and who is in them."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone

from billing.models import DriverGroup, DriverGroupMember
from billing.services.driver_groups import (
    UnableToGroupDriver,
    add_driver,
    remove_driver,
)
from cpms.accounts.admin_pages import OperatorFilter, ScopedFormAdmin, may_act


@admin.register(DriverGroup)
class DriverGroupAdmin(ScopedFormAdmin):
    """Groups to whom an operator sells at tariffs of their own."""

    change_roles = frozenset({"finance"})
    fields = ("operator", "code", "name")
    fixed_fields = ("operator", "code")
    list_display = ("code", "name", "operator")
    list_filter = (OperatorFilter,)
    search_fields = ("code", "name")
    list_select_related = ("operator",)

    def save_model(
        self,
        request: HttpRequest,
        obj: DriverGroup,
        form: Any,  # noqa: ANN401 - unfold is untyped
        change: bool,  # noqa: FBT001 - Django's own
    ) -> None:
        """With its birthday."""
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)


class MemberForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """A group, and the address of an account."""

    class Meta:
        model = DriverGroupMember
        fields: ClassVar[Any] = ("group", "email")

    def clean(self) -> dict[str, Any]:
        """Put the account into the group at once: only so a refusal is the form's."""
        found: dict[str, Any] = super().clean() or {}
        if self.errors:
            return found
        request: HttpRequest = self.request  # type: ignore[attr-defined]  # by get_form
        group = found["group"]
        if not may_act(
            request,
            operator_id=group.operator_id,
            roles=DriverGroupMemberAdmin.change_roles,
        ):
            raise PermissionDenied
        try:
            self.instance = add_driver(
                group=group,
                email=found["email"],
                by=str(request.user),
                at=timezone.now(),
            )
        except UnableToGroupDriver as error:
            raise forms.ValidationError({"email": error.message}) from error
        return found


@admin.register(DriverGroupMember)
class DriverGroupMemberAdmin(ScopedFormAdmin):
    """Who is in which group; by the address that the operator knows."""

    change_roles = frozenset({"finance"})
    form = MemberForm
    fields = ("group", "email")
    fixed_fields = ("group", "email")
    list_display = ("email", "group", "operator", "added_at")
    list_filter = (OperatorFilter,)
    search_fields = ("email", "group__code")
    list_select_related = ("group", "operator")

    def get_form(
        self,
        request: HttpRequest,
        obj: Any = None,  # noqa: ANN401 - unfold is untyped
        change: bool = False,  # noqa: FBT001, FBT002 - Django's own
        **kwargs: Any,
    ) -> Any:  # noqa: ANN401 - unfold is untyped
        """The form knows who asks."""
        form = super().get_form(request, obj, change=change, **kwargs)
        form.request = request
        return form

    def formfield_for_foreignkey(
        self,
        db_field: Any,  # noqa: ANN401 - unfold is untyped
        request: HttpRequest,
        **kwargs: Any,
    ) -> Any:  # noqa: ANN401 - unfold is untyped
        """Offer the groups of the operators where the user may act."""
        if db_field.name == "group" and not request.user.is_superuser:
            kwargs["queryset"] = DriverGroup.objects.filter(
                operator_id__in=self._changeable(request)
            )
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(
        self,
        request: HttpRequest,
        obj: DriverGroupMember,
        form: Any,  # noqa: ANN401 - unfold is untyped
        change: bool,  # noqa: FBT001 - Django's own
    ) -> None:
        """Saved by the service, with its audit row, when the form was checked."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401 - unfold is untyped
        """Who may add may take out."""
        return bool(self.has_change_permission(request, obj))

    def delete_model(self, request: HttpRequest, obj: DriverGroupMember) -> None:
        """With an audit row."""
        remove_driver(obj, by=str(request.user), at=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:  # noqa: ANN401 - unfold is untyped
        """Each with an audit row; another operator's rows are not in the list."""
        for member in queryset:
            if not self.has_delete_permission(request, member):
                raise PermissionDenied
            self.delete_model(request, member)
