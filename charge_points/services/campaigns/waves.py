"""The steps of a campaign: results in, next stations out, pauses, the end."""

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from charge_points import events
from charge_points.models import FirmwareCampaign, FirmwareCampaignMember
from charge_points.models.states import CAMPAIGN
from charge_points.services import firmware
from charge_points.services.campaigns import members
from charge_points.services.campaigns.members import State
from charge_points.services.commands import UnableToQueueCommand
from cpms.outbox import publish_many

ORDERED_MAX: Final = 200
"""Updates that one step orders; the next step goes on."""
SWEEP_MAX: Final = 50
ONLINE: Final = Q(
    charge_point__connected_at__isnull=False,
    charge_point__disconnected_at__isnull=True,
)
Campaign = FirmwareCampaign


def sweep(*, at: datetime, limit: int = SWEEP_MAX) -> int:
    """Take every campaign one step on.

    Returns:
        How many charge points were asked.
    """
    rows = Campaign.objects.filter(ended_at__isnull=True, starts_at__lte=at)
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:limit])
    return sum(advance(campaign_id=campaign_id, at=at) for campaign_id in ids)


@transaction.atomic
def advance(*, campaign_id: int, at: datetime) -> int:
    """Take a campaign one step on; who finds it taken leaves it to whoever has it.

    Returns:
        How many charge points were asked.
    """
    campaign = (
        Campaign.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .select_related("firmware")
        .filter(pk=campaign_id, ended_at__isnull=True, starts_at__lte=at)
        .first()
    )
    if campaign is None:
        return 0
    members.refresh(campaign, at=at)
    if at >= campaign.ends_at:
        members.take_back(campaign, then=State.MISSED, at=at)
        members.end_waiting(campaign, state=State.MISSED, at=at)
    members.skip_those_that_have_it(campaign, at=at)
    asked = 0
    if campaign.state == Campaign.State.RUNNING:
        asked = _go_on(campaign, at)
    _finish(campaign, at)
    campaign.save()
    return asked


def _go_on(campaign: Campaign, at: datetime) -> int:
    if _has_too_many_failures(campaign):
        _pause(campaign, Campaign.Pause.FAILURES, at)
        return 0
    room = _room(campaign)
    if room == 0 and _is_wave_over(campaign):
        campaign.wave += 1
        room = campaign.wave_size
    elif room == 0 and not _in_wave(campaign)["ordered"]:
        if _waiting(campaign).exists():
            _pause(campaign, Campaign.Pause.QUOTA, at)
        return 0
    return _order(campaign, room, at)


def _has_too_many_failures(campaign: Campaign) -> bool:
    """More than the limit of those asked, without what staff have accepted."""
    found = members.counts_of([campaign.pk])[campaign.pk]
    asked = found["ordered"] + found["succeeded"] + found["failed"]
    failed = found["failed"] - campaign.forgiven_failures
    return failed > 0 and failed * 100 > campaign.failure_limit_percent * asked


def _in_wave(campaign: Campaign) -> dict[str, int]:
    rows = FirmwareCampaignMember.objects.filter(campaign=campaign, wave=campaign.wave)
    return rows.aggregate(
        size=Count("pk"),
        ordered=Count("pk", filter=Q(state=State.ORDERED)),
        succeeded=Count("pk", filter=Q(state=State.SUCCEEDED)),
    )


def _wave_size(campaign: Campaign) -> int:
    return campaign.first_wave_size if campaign.wave == 1 else campaign.wave_size


def _room(campaign: Campaign) -> int:
    return max(0, _wave_size(campaign) - _in_wave(campaign)["size"])


def _is_wave_over(campaign: Campaign) -> bool:
    """Whether enough of the full wave has the new firmware, or staff let it pass."""
    wave = _in_wave(campaign)
    quota = campaign.success_quota_percent * wave["size"]
    if wave["succeeded"] * 100 >= quota:
        return True
    return campaign.forgiven_wave >= campaign.wave and not wave["ordered"]


def _waiting(campaign: Campaign) -> QuerySet[FirmwareCampaignMember]:
    return FirmwareCampaignMember.objects.filter(campaign=campaign, state=State.WAITING)


def _order(campaign: Campaign, room: int, at: datetime) -> int:
    rows = list(
        _waiting(campaign)
        .filter(ONLINE)
        .order_by("attempts", "pk")[: min(room, ORDERED_MAX)]
    )
    asked = 0
    for row in rows:
        asked += _order_one(campaign, row, at)
    return asked


def _order_one(campaign: Campaign, row: FirmwareCampaignMember, at: datetime) -> bool:
    wanted = firmware.NewUpdate(
        charge_point_id=row.charge_point_id,
        idempotency_key=f"campaign:{campaign.pk}:{row.attempts}",
        firmware_id=campaign.firmware_id,
        retries=campaign.retries,
        retry_interval_s=campaign.retry_interval_s,
    )
    try:
        with transaction.atomic():
            row.update = firmware.request_update(
                wanted=wanted, by=campaign.requested_by, at=at
            )
    except UnableToQueueCommand as error:
        row.attempts += 1
        row.detail = error.message[:200]
        row.save(update_fields=["attempts", "detail"])
        return False
    row.state = State.ORDERED
    row.wave = campaign.wave
    row.ordered_at = at
    row.detail = ""
    row.save()
    return True


def _pause(campaign: Campaign, reason: Campaign.Pause, at: datetime) -> None:
    CAMPAIGN.require(campaign.state, Campaign.State.PAUSED)
    members.take_back(campaign, then=State.WAITING, at=at)
    campaign.state = Campaign.State.PAUSED
    campaign.pause_reason = reason
    fact = events.firmware_campaign_paused(
        operator_id=campaign.operator_id,
        rollout=_rollout(campaign),
        reason=str(reason.value),
        at=at,
    )
    publish_many([fact])


def _finish(campaign: Campaign, at: datetime) -> None:
    open_states = [State.WAITING, State.ORDERED]
    if FirmwareCampaignMember.objects.filter(
        campaign=campaign, state__in=open_states
    ).exists():
        return
    if campaign.state != Campaign.State.ABORTED:
        CAMPAIGN.require(campaign.state, Campaign.State.FINISHED)
        campaign.state = Campaign.State.FINISHED
        campaign.pause_reason = Campaign.Pause.NONE
    campaign.ended_at = at
    fact = events.firmware_campaign_finished(
        operator_id=campaign.operator_id,
        rollout=_rollout(campaign),
        state=campaign.state,
        at=at,
    )
    publish_many([fact])


def _rollout(campaign: Campaign) -> events.Rollout:
    found = members.counts_of([campaign.pk])[campaign.pk]
    known = found["succeeded"] + found["failed"] + found["skipped"]
    return events.Rollout(
        campaign_id=campaign.pk,
        name=campaign.name,
        firmware_version=campaign.firmware.version,
        succeeded=found["succeeded"],
        failed=found["failed"],
        skipped=found["skipped"],
        not_reached=campaign.size - known,
    )
