"""What a driver says about mails: kinds and quiet hours."""

from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from cpms.notifications.kinds import BY_TOPIC, DRIVER_KINDS
from cpms.notifications.models import DriverNotificationSettings

NAMES: Final = {
    "charge_requested": _("Somebody asks for a charge in my name"),
    "charge_started": _("The charge has begun"),
    "charge_stopped": _("The charge has ended"),
    "idle_fee_soon": _("Staying plugged in will cost soon"),
    "payment_failed": _("A payment did not work"),
}
URGENT: Final = frozenset(kind.name for kind in BY_TOPIC.values() if kind.urgent)
ZONE_PREFIXES: Final = (
    *("Africa/", "America/", "Asia/", "Atlantic/"),
    *("Australia/", "Europe/", "Indian/", "Pacific/"),
)


def zones() -> list[tuple[str, str]]:
    """The time zones that people live in, as choices."""
    found = sorted(
        name for name in available_timezones() if name.startswith(ZONE_PREFIXES)
    )
    return [(name, name.replace("_", " ")) for name in ("UTC", *found)]


class NoticeForm(forms.Form):
    """Wanted kinds, quiet hours and their time zone."""

    wanted = forms.MultipleChoiceField(
        label=_("Mails that I want"),
        required=False,
        choices=[(name, NAMES.get(name, name)) for name in DRIVER_KINDS],
        widget=forms.CheckboxSelectMultiple,
    )
    quiet_from = forms.TimeField(
        label=_("Quiet from"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    quiet_until = forms.TimeField(
        label=_("Quiet until"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=zones)

    def clean(self) -> dict[str, Any]:
        """Quiet hours have a begin and an end, or neither."""
        found = super().clean() or {}
        quiet = (found.get("quiet_from"), found.get("quiet_until"))
        if not self.errors and (quiet[0] is None) != (quiet[1] is None):
            self.add_error(
                "quiet_until" if quiet[1] is None else "quiet_from",
                _("Give both times, or neither."),
            )
        return found

    @property
    def columns(self) -> dict[str, Any]:
        """The row's values."""
        wanted = set(self.cleaned_data["wanted"])
        return {
            "muted": [name for name in DRIVER_KINDS if name not in wanted],
            "quiet_from": self.cleaned_data["quiet_from"],
            "quiet_until": self.cleaned_data["quiet_until"],
            "time_zone": ZoneInfo(self.cleaned_data["time_zone"]).key,
        }

    @staticmethod
    def begin(row: DriverNotificationSettings) -> dict[str, Any]:
        """What the form begins with."""
        return {
            "wanted": [name for name in DRIVER_KINDS if name not in row.muted],
            "quiet_from": row.quiet_from,
            "quiet_until": row.quiet_until,
            "time_zone": row.time_zone,
        }
