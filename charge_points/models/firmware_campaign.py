"""One firmware for many charge points, wave by wave."""

from django.db import models
from django.db.models import F, Q

from charge_points.models.base import TenantModel


class FirmwareCampaign(TenantModel):
    """A rollout; ``services.campaigns`` moves it on.

    A wave takes stations that are online; the next one opens when the wave is full and
    the quota of it has the new firmware. See ``models.states.CAMPAIGN``.
    """

    class State(models.TextChoices):
        """Whether stations are asked."""

        RUNNING = "running"
        PAUSED = "paused"
        ABORTED = "aborted"
        FINISHED = "finished"

    class Pause(models.TextChoices):
        """Why it is paused."""

        NONE = "", "not paused"
        STAFF = "staff", "by staff"
        FAILURES = "failures", "too many failures"
        QUOTA = "quota", "the wave missed its quota"

    name = models.CharField(max_length=120)
    firmware = models.ForeignKey(
        "charge_points.FirmwareFile",
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
    )
    selection = models.JSONField(default=dict, help_text="as it was asked for")
    size = models.PositiveIntegerField(help_text="charge points")
    first_wave_size = models.PositiveIntegerField()
    wave_size = models.PositiveIntegerField()
    success_quota_percent = models.PositiveSmallIntegerField(
        help_text="of a wave, before the next one opens"
    )
    failure_limit_percent = models.PositiveSmallIntegerField(
        help_text="of the stations asked so far; more pauses it"
    )
    retries = models.PositiveSmallIntegerField(null=True, blank=True)
    retry_interval_s = models.PositiveIntegerField(null=True, blank=True)
    result_within_s = models.PositiveIntegerField(
        help_text="a station without result after so long has failed"
    )
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    pause_reason = models.CharField(
        max_length=8, choices=Pause, blank=True, default=Pause.NONE
    )
    wave = models.PositiveIntegerField(default=1)
    forgiven_failures = models.PositiveIntegerField(
        default=0, help_text="seen by whoever resumed the campaign"
    )
    forgiven_wave = models.PositiveIntegerField(
        default=0, help_text="whose missed quota whoever resumed it has accepted"
    )
    idempotency_key = models.CharField(max_length=128)
    requested_by = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(help_text="no station is asked later")
    ended_at = models.DateTimeField(
        null=True, blank=True, help_text="when the last station's result was there"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "idempotency_key"], name="one_campaign_per_key"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="campaign_ends_after_begin",
            ),
            models.CheckConstraint(
                condition=Q(first_wave_size__gt=0, wave_size__gt=0),
                name="campaign_waves_not_empty",
            ),
            models.CheckConstraint(
                condition=Q(
                    success_quota_percent__lte=100, failure_limit_percent__lte=100
                ),
                name="campaign_shares_in_percent",
            ),
            models.CheckConstraint(
                condition=(Q(state="paused") & ~Q(pause_reason=""))
                | (~Q(state="paused") & Q(pause_reason="")),
                name="campaign_pause_has_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(ended_at__isnull=True), name="campaign_open"
            ),
        ]

    def __str__(self) -> str:
        """Show its name."""
        return self.name


class FirmwareCampaignMember(TenantModel):
    """One charge point of a campaign; see ``models.states.CAMPAIGN_MEMBER``."""

    class State(models.TextChoices):
        """How far the charge point is."""

        WAITING = "waiting"
        ORDERED = "ordered"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        SKIPPED = "skipped", "skipped: has it already"
        MISSED = "missed", "missed: offline until the end"
        CANCELLED = "cancelled"

    campaign = models.ForeignKey(
        FirmwareCampaign, on_delete=models.CASCADE, db_constraint=False, db_index=False
    )
    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    update = models.ForeignKey(
        "charge_points.FirmwareUpdate",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    wave = models.PositiveIntegerField(
        null=True, blank=True, help_text="empty: in none yet"
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    detail = models.CharField(max_length=200, blank=True, default="")
    ordered_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "charge_point"], name="one_campaign_member"
            ),
            models.CheckConstraint(
                condition=~Q(state="ordered")
                | Q(wave__isnull=False, ordered_at__isnull=False),
                name="campaign_member_ordered_whole",
            ),
        ]
        indexes = [
            models.Index(
                fields=["campaign", "state", "id"], name="campaign_member_state"
            ),
        ]

    def __str__(self) -> str:
        """Show how far it is."""
        return f"member {self.pk} ({self.state})"
