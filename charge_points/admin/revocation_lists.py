"""Revocation lists of the operator's own client CAs, and how old they are."""

from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from charge_points.models import ClientRevocationList
from charge_points.services import client_lists
from cpms.accounts.admin import PlatformAdmin
from cpms.accounts.admin_pages import TONES, utc


@admin.register(ClientRevocationList)
class ClientRevocationListAdmin(PlatformAdmin):
    """Fetched from ``CLIENT_CRL_URLS``, or in a gateway's ``--client-crl``."""

    read_only = True
    list_display = (
        "issuer",
        "source",
        "condition",
        "made",
        "due",
        "entries",
        "seen",
        "fault",
    )
    exclude = ("der",)
    ordering = ("issuer", "source")

    @display(description=_("State"), label=TONES)  # type: ignore[untyped-decorator]
    def condition(self, row: ClientRevocationList) -> tuple[str, str]:
        """Whether a newer one should be there."""
        if client_lists.is_stale(row, at=timezone.now()):
            return "expired", str(_("past its date"))
        return "ok", str(_("current"))

    @display(description=_("Made (UTC)"), ordering="this_update")  # type: ignore[untyped-decorator]
    def made(self, row: ClientRevocationList) -> str:
        """When, in UTC."""
        return utc(row.this_update)

    @display(description=_("Next due (UTC)"), ordering="next_update")  # type: ignore[untyped-decorator]
    def due(self, row: ClientRevocationList) -> str:
        """When, in UTC."""
        return utc(row.next_update)

    @display(description=_("Seen (UTC)"), ordering="seen_at")  # type: ignore[untyped-decorator]
    def seen(self, row: ClientRevocationList) -> str:
        """When, in UTC."""
        return utc(row.seen_at)
