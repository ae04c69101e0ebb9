"""What becomes of a charge's limit that the station does not take; both versions."""

from datetime import datetime

from charge_points.handlers.registry import SentCommand
from charge_points.services.progress import NO_ANSWER
from charge_points.services.smart_charging import transaction_limits
from charge_points.services.smart_charging.profiles import ProfileFact


def on_refused(command: SentCommand, fact: ProfileFact) -> None:
    """A status that is no yes."""
    if transaction_limits.is_ours(fact.profile_id):
        transaction_limits.note_refused(
            charge_point_id=command.charge_point_id, ocpp_id=fact.transaction_id
        )


def on_error(command: SentCommand, fact: ProfileFact, code: str, at: datetime) -> None:
    """A CALLERROR, or no answer at all."""
    if code not in NO_ANSWER:
        on_refused(command, fact)
    elif transaction_limits.is_ours(fact.profile_id):
        transaction_limits.note_lost(
            charge_point_id=command.charge_point_id,
            ocpp_id=fact.transaction_id,
            at=at,
        )
