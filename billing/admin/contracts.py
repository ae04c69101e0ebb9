"""Contracts of drivers, for platform staff."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import action

from billing.services import contracts
from cpms.accounts.admin import PlatformAdmin
from cpms.accounts.models import Contract


@admin.register(Contract)
class ContractAdmin(PlatformAdmin):
    """Which account pays for which eMAID (ISO 15118 Plug & Charge)."""

    list_display = ("emaid", "driver", "label", "state", "proved", "registered_at")
    list_filter = ("state", "proved")
    search_fields = ("emaid", "driver__email", "label")
    list_select_related = ("driver",)
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

    @action(description="Cancel: vehicles that present it are refused")  # type: ignore[untyped-decorator]  # unfold is untyped
    def cancel(self, request: HttpRequest, queryset: QuerySet[Contract]) -> None:
        """Cancel the chosen ones."""
        for row in queryset:
            contracts.cancel(
                driver_id=row.driver_id,
                contract_id=row.pk,
                by=str(request.user),
                at=timezone.now(),
            )
            messages.success(request, f"{row} is cancelled.")
