"""What became of each charge point of a campaign, from what the station said."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, F

from charge_points.models import (
    Command,
    FirmwareCampaign,
    FirmwareCampaignMember,
)
from charge_points.models.states import CAMPAIGN_MEMBER, FIRMWARE_UPDATE_OVER
from charge_points.services import firmware
from charge_points.services.progress import NO_ANSWER

State = FirmwareCampaignMember.State
STATES: Final = tuple(State.values)
_FIELDS: Final = ("state", "detail", "wave", "attempts", "ordered_at", "ended_at")
_UNSENT: Final = frozenset({Command.State.EXPIRED, Command.State.CANCELLED})


def counts_of(campaign_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """How many charge points are in which state; all states are there."""
    ids = list(campaign_ids)
    found = {key: dict.fromkeys(STATES, 0) for key in ids}
    counted = (
        FirmwareCampaignMember.objects.filter(campaign_id__in=ids)
        .values("campaign_id", "state")
        .annotate(number=Count("pk"))
    )
    for row in counted:
        found[row["campaign_id"]][row["state"]] = row["number"]
    return found


def save(rows: Sequence[FirmwareCampaignMember]) -> None:
    """Keep what was decided about members."""
    FirmwareCampaignMember.objects.bulk_update(rows, _FIELDS)


def refresh(campaign: FirmwareCampaign, *, at: datetime) -> None:
    """Take over what stations said since the last step; the campaign is locked."""
    rows = list(
        FirmwareCampaignMember.objects.filter(
            campaign=campaign, state__in=[State.ORDERED, State.FAILED]
        ).select_related("update", "charge_point")
    )
    asked = commands_of(rows)
    changed = [row for row in rows if _judge(campaign, row, asked.get(row.pk), at)]
    save(changed)


def commands_of(rows: Iterable[FirmwareCampaignMember]) -> dict[int, Command]:
    """Member -> the command that told the station of its update."""
    numbers = {
        row.update.command_number: row.pk for row in rows if row.update is not None
    }
    found = Command.objects.filter(pk__in=[n for n in numbers if n is not None])
    return {numbers[command.pk]: command for command in found}


def _judge(
    campaign: FirmwareCampaign,
    row: FirmwareCampaignMember,
    command: Command | None,
    at: datetime,
) -> bool:
    update = row.update
    # Many stations do not report the end, but boot with the new version.
    has_it = row.charge_point.firmware_version == campaign.firmware.version
    if has_it or (update is not None and update.status == "Installed"):
        return move(row, State.SUCCEEDED, at)
    if row.state == State.FAILED or update is None:
        return False
    if update.status in FIRMWARE_UPDATE_OVER:
        return move(row, State.FAILED, at, f"{update.status} {update.detail}".strip())
    if command is not None and command.state in _UNSENT and command.sent_at is None:
        firmware.end_unsent(update_id=update.pk, at=at)
        return wait_again(row)
    return _judge_silence(campaign, row, command, at)


def _judge_silence(
    campaign: FirmwareCampaign,
    row: FirmwareCampaignMember,
    command: Command | None,
    at: datetime,
) -> bool:
    if command is None or command.state == Command.State.QUEUED:
        return False
    lost = command.error_code in NO_ANSWER
    if command.state == Command.State.FAILED and not lost:
        return move(row, State.FAILED, at, command.error_code)
    asked_at = command.sent_at or row.ordered_at or at
    if at >= asked_at + timedelta(seconds=campaign.result_within_s):
        return move(row, State.FAILED, at, "no result in time")
    return False


def move(
    row: FirmwareCampaignMember, state: str, at: datetime, detail: str = ""
) -> bool:
    """End a member; not saved here."""
    CAMPAIGN_MEMBER.require(row.state, state)
    row.state = State(state)
    row.detail = detail[:200]
    row.ended_at = at
    return True


def wait_again(row: FirmwareCampaignMember) -> bool:
    """What was ordered never left: the place in the wave is free; not saved here."""
    CAMPAIGN_MEMBER.require(row.state, State.WAITING)
    row.state = State.WAITING
    row.wave = None
    row.ordered_at = None
    row.attempts += 1
    return True


def take_back(campaign: FirmwareCampaign, *, then: str, at: datetime) -> None:
    """Take back updates that no station was told of; ``then`` is what they become."""
    rows = {
        row.update_id: row
        for row in FirmwareCampaignMember.objects.filter(
            campaign=campaign, state=State.ORDERED, update__isnull=False
        )
        if row.update_id is not None
    }
    changed = [rows[key] for key in firmware.withdraw_many(update_ids=rows, at=at)]
    for row in changed:
        if then == State.WAITING:
            wait_again(row)
        else:
            move(row, then, at)
    save(changed)


def end_waiting(campaign: FirmwareCampaign, *, state: str, at: datetime) -> None:
    """No more of them will be asked."""
    FirmwareCampaignMember.objects.filter(
        campaign=campaign, state=State.WAITING
    ).update(state=state, ended_at=at)


def skip_those_that_have_it(campaign: FirmwareCampaign, *, at: datetime) -> None:
    """Charge points with this version already are not asked."""
    FirmwareCampaignMember.objects.filter(
        pk__in=FirmwareCampaignMember.objects.filter(
            campaign=campaign,
            state=State.WAITING,
            charge_point__firmware_version=F("campaign__firmware__version"),
        ).values("pk")
    ).update(state=State.SKIPPED, ended_at=at)
