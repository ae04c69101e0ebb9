"""Firmware campaigns: begin one, see how far it is, pause, resume, abort."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from charge_points.admin.add_forms import ROLES, AddByService, KeyedForm
from charge_points.models import (
    FirmwareCampaign,
    FirmwareCampaignMember,
    FirmwareFile,
)
from charge_points.ocpp.versions import VERSIONS
from charge_points.services import campaigns
from charge_points.services.campaigns.members import STATES
from charge_points.services.campaigns.planning import (
    LIFETIME_MAX,
    RESULT_WITHIN,
    RESULT_WITHIN_MAX,
)
from charge_points.services.selection import SELECTED_MAX, Selection, stations_of
from cpms.accounts.admin_pages import (
    TONES,
    OperatorFilter,
    PageAdmin,
    state,
    utc,
)
from cpms.accounts.services import audit
from cpms.accounts.templatetags.cpms_admin import state_word
from cpms.kernel.errors import DomainError

MEMBERS_SHOWN: Final = 100
DAYS: Final = 30
SECONDS_AN_HOUR: Final = 3600
_PERCENT: Final[dict[str, Any]] = {"min_value": 0, "max_value": 100}
_SIZE: Final[dict[str, Any]] = {"min_value": 1, "max_value": SELECTED_MAX}


class CampaignForm(KeyedForm):
    """Which file for whom, and how fast."""

    name = forms.CharField(max_length=120)
    firmware = forms.ModelChoiceField(queryset=FirmwareFile.objects.none())
    identities = forms.CharField(
        label=_("Charge points"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_(
            "Identities, by spaces or commas. Empty: all that fit what follows."
        ),
    )
    site = forms.CharField(max_length=120, required=False)
    vendor = forms.CharField(max_length=60, required=False)
    model = forms.CharField(max_length=60, required=False)
    ocpp_version = forms.ChoiceField(
        label=_("OCPP version"),
        required=False,
        choices=[("", _("any")), *((word, word) for word in VERSIONS)],
    )
    first_wave_size = forms.IntegerField(**_SIZE, initial=5)
    wave_size = forms.IntegerField(
        **_SIZE, initial=50, label=_("Size of the further waves")
    )
    success_quota_percent = forms.IntegerField(
        **_PERCENT,
        initial=90,
        label=_("Quota of a wave, %"),
        help_text=_(
            "So much of it must have the firmware before the next wave begins."
        ),
    )
    failure_limit_percent = forms.IntegerField(
        **_PERCENT,
        initial=10,
        label=_("Failures, %"),
        help_text=_("More of those asked so far pauses the campaign."),
    )
    result_within_h = forms.IntegerField(
        min_value=1,
        max_value=int(RESULT_WITHIN_MAX.total_seconds()) // SECONDS_AN_HOUR,
        initial=int(RESULT_WITHIN.total_seconds()) // SECONDS_AN_HOUR,
        label=_("Result within, hours"),
        help_text=_("A charge point without result after so long has failed."),
    )
    starts_at = forms.DateTimeField(
        label=_("Begin (UTC)"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text=_("Empty: at once."),
    )
    days = forms.IntegerField(
        min_value=1,
        max_value=LIFETIME_MAX.days,
        initial=DAYS,
        label=_("Ends after, days"),
        help_text=_("Charge points that are offline until then are not asked."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        """Offer the operators' files."""
        super().__init__(*args, **options)
        field = self.fields["firmware"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = FirmwareFile.objects.filter(
            operator__in=self.operators
        ).order_by("-pk")

    def clean(self) -> dict[str, Any]:
        """All charge points are chosen on purpose, not by leaving something out."""
        clean: dict[str, Any] = super().clean() or {}
        words = clean.get("identities", "").replace(",", " ").split()
        fitting = {
            name: clean.get(name, "")
            for name in ("site", "vendor", "model", "ocpp_version")
        }
        chosen = Selection(identities=tuple(sorted(set(words))), **fitting)
        if not chosen.as_json():
            raise forms.ValidationError(
                _("Say which charge points: name them, or give site, vendor or model.")
            )
        clean["chosen"] = chosen
        return clean


@admin.register(FirmwareCampaign)
class FirmwareCampaignAdmin(AddByService, PageAdmin):
    """Campaigns of the operator."""

    page_template = "charge_points/campaign.html"
    action_roles = ROLES
    add_form = CampaignForm
    add_title = _("Roll firmware out")
    add_button = _("Begin the campaign")
    add_deed = "firmware_campaign.started"
    list_display = (
        "name",
        "firmware",
        "size",
        "status",
        "wave",
        "progress",
        "begun",
        "operator",
    )
    list_filter = (("state", ChoicesDropdownFilter), OperatorFilter)
    search_fields = ("name", "firmware__version")
    list_select_related = ("operator", "firmware")
    ordering = ("-id",)

    @display(description=_("State"), label=TONES, ordering="state")  # type: ignore[untyped-decorator]
    def status(self, row: FirmwareCampaign) -> tuple[str, str]:
        """Its state."""
        return state(row.state)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the numbers of the list, in the same statement."""
        member = "firmwarecampaignmember"
        having = Q(**{f"{member}__state__in": ["succeeded", "skipped"]})
        failed = Q(**{f"{member}__state": "failed"})
        rows: QuerySet[Any] = super().get_queryset(request)
        found: QuerySet[Any] = rows.annotate(
            having=Count(member, filter=having), failures=Count(member, filter=failed)
        )
        return found

    @display(description=_("Progress"))  # type: ignore[untyped-decorator]
    def progress(self, row: Any) -> str:  # noqa: ANN401 - annotated
        """How many have it, how many failed."""
        return f"{row.having} have it, {row.failures} failed"

    @display(description=_("Begin (UTC)"), ordering="starts_at")  # type: ignore[untyped-decorator]
    def begun(self, row: FirmwareCampaign) -> str:
        """When, in UTC."""
        return utc(row.starts_at)

    def perform(
        self, request: HttpRequest, form: KeyedForm, *, at: datetime
    ) -> FirmwareCampaign:
        """Begin it; the sweep asks the first wave."""
        clean = form.cleaned_data
        file: FirmwareFile = clean["firmware"]
        stations = stations_of([file.operator_id], clean["chosen"])
        begin: datetime = max(clean["starts_at"] or at, at)
        return campaigns.create(
            wanted=campaigns.Wanted(
                operator_id=file.operator_id,
                name=clean["name"],
                firmware_id=file.pk,
                stations=stations,
                selection=clean["chosen"].as_json(),
                idempotency_key=clean["key"],
                starts_at=begin,
                ends_at=begin + timedelta(days=clean["days"]),
                first_wave_size=clean["first_wave_size"],
                wave_size=clean["wave_size"],
                success_quota_percent=clean["success_quota_percent"],
                failure_limit_percent=clean["failure_limit_percent"],
                result_within_s=clean["result_within_h"] * SECONDS_AN_HOUR,
            ),
            by=str(request.user),
            at=at,
        )

    def url_after(self, row: FirmwareCampaign) -> str:
        """Its page."""
        return reverse("admin:charge_points_firmwarecampaign_change", args=[row.pk])

    def get_urls(self) -> list[URLPattern]:
        """What may be done, beside the page itself."""
        wrap = self.admin_site.admin_view
        moves = [
            path(
                f"<int:object_id>/{word}/",
                wrap(require_POST(view)),
                name=f"charge_points_firmwarecampaign_{word}",
            )
            for word, view in (
                ("pause", self.pause_view),
                ("resume", self.resume_view),
                ("abort", self.abort_view),
            )
        ]
        return [*moves, *super().get_urls()]

    def pause_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ask nobody more for a while."""
        now = timezone.now()
        return self._move(
            request,
            object_id,
            "paused",
            lambda: campaigns.pause(campaign_id=object_id, at=now),
        )

    def resume_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Go on; the failures so far are accepted."""
        return self._move(
            request,
            object_id,
            "resumed",
            lambda: campaigns.resume(campaign_id=object_id),
        )

    def abort_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ask nobody more for good."""
        now = timezone.now()
        return self._move(
            request,
            object_id,
            "aborted",
            lambda: campaigns.abort(campaign_id=object_id, at=now),
        )

    def _move(
        self,
        request: HttpRequest,
        object_id: int,
        word: str,
        act: Callable[[], bool],
    ) -> HttpResponse:
        row: FirmwareCampaign = self.row_or_404(request, object_id)
        if not self.may_act_on(request, row):
            raise PermissionDenied
        try:
            if act():
                audit.record(
                    operator_id=row.operator_id,
                    actor=str(request.user),
                    action=f"firmware_campaign.{word}",
                    object=f"firmware campaign {row.pk}",
                    changes={"name": row.name},
                    at=timezone.now(),
                )
                messages.success(
                    request,
                    _("%(name)s: %(state)s.")
                    % {"name": row.name, "state": state_word(word)},
                )
        except DomainError as error:
            messages.error(request, error.message)
        return HttpResponseRedirect(self.url_after(row))

    def page(self, request: HttpRequest, row: FirmwareCampaign) -> dict[str, Any]:
        """Progress, and the charge points by page and state."""
        state = request.GET.get("state", "")
        members = (
            FirmwareCampaignMember.objects.filter(campaign=row)
            .select_related("charge_point", "update")
            .order_by("charge_point__identity")
        )
        if state in STATES:
            members = members.filter(state=state)
        counts = campaigns.counts_of([row.pk])[row.pk]
        state_of = FirmwareCampaign.State
        return {
            "counts": {word: number for word, number in counts.items() if number},
            "done": row.size - counts["waiting"] - counts["ordered"],
            "is_open": row.ended_at is None,
            "is_running": row.state == state_of.RUNNING,
            "is_paused": row.state == state_of.PAUSED,
            "page": Paginator(members, MEMBERS_SHOWN).get_page(request.GET.get("page")),
            "state": state if state in STATES else "",
        }
