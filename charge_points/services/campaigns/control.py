"""What staff do to a campaign under way."""

from datetime import datetime

from django.db import transaction

from charge_points.models import FirmwareCampaign
from charge_points.models.states import CAMPAIGN
from charge_points.services.campaigns import members
from charge_points.services.campaigns.members import State
from charge_points.services.campaigns.planning import UnableToRunCampaign

Campaign = FirmwareCampaign


def _locked(campaign_id: int, wanted: str) -> Campaign | None:
    """The campaign, if the move is to be made; None: it is there already.

    Raises:
        UnableToRunCampaign: it cannot get there any more.
    """
    row = Campaign.objects.select_for_update(no_key=True).get(pk=campaign_id)
    if row.state == wanted:
        return None
    if not CAMPAIGN.allows(row.state, wanted):
        raise UnableToRunCampaign(
            "campaign_over",
            f"The campaign {row.name!r} is {row.state}; nothing more can be done to "
            "it. Begin another one for the charge points that are left.",
            http_status=409,
        )
    return row


@transaction.atomic
def pause(*, campaign_id: int, at: datetime) -> bool:
    """Ask nobody more, and take back what was not sent; again changes nothing.

    Returns:
        Whether it was running.

    Raises:
        UnableToRunCampaign: it is over.
    """
    row = _locked(campaign_id, Campaign.State.PAUSED)
    if row is None:
        return False
    members.take_back(row, then=State.WAITING, at=at)
    row.state = Campaign.State.PAUSED
    row.pause_reason = Campaign.Pause.STAFF
    row.save(update_fields=["state", "pause_reason"])
    return True


@transaction.atomic
def resume(*, campaign_id: int) -> bool:
    """Go on; the failures so far are accepted by whoever resumes.

    Returns:
        Whether it was paused.

    Raises:
        UnableToRunCampaign: it is over.
    """
    row = _locked(campaign_id, Campaign.State.RUNNING)
    if row is None:
        return False
    if row.pause_reason != Campaign.Pause.STAFF:
        row.forgiven_failures = members.counts_of([row.pk])[row.pk]["failed"]
        row.forgiven_wave = row.wave
    row.state = Campaign.State.RUNNING
    row.pause_reason = Campaign.Pause.NONE
    row.save()
    return True


@transaction.atomic
def abort(*, campaign_id: int, at: datetime) -> bool:
    """Ask nobody more for good; stations that were told go on, and are followed.

    Returns:
        Whether it was not aborted before.

    Raises:
        UnableToRunCampaign: it has finished.
    """
    row = _locked(campaign_id, Campaign.State.ABORTED)
    if row is None:
        return False
    members.take_back(row, then=State.CANCELLED, at=at)
    members.end_waiting(row, state=State.CANCELLED, at=at)
    row.state = Campaign.State.ABORTED
    row.pause_reason = Campaign.Pause.NONE
    row.save(update_fields=["state", "pause_reason"])
    return True
