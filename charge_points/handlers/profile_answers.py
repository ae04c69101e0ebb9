"""What becomes of a charging profile that was sent; both versions.

A limit of a charge that the station does not take is not on the station.
"""

from collections.abc import Callable
from datetime import datetime

from charge_points.handlers.registry import Outgoing, Payload, SentCommand
from charge_points.services.progress import NO_ANSWER
from charge_points.services.smart_charging import profiles, transaction_limits
from charge_points.services.smart_charging.profiles import ProfileFact


def set_profile(
    version: str, block: str, fact_of: Callable[[Payload], ProfileFact]
) -> Outgoing:
    """SetChargingProfile for a version's table (1.6 5.16, 2.0.1 K01)."""

    def on_set(command: SentCommand, answer: Payload, at: datetime) -> None:
        """An accepted profile is the station's now."""
        fact = fact_of(command.payload)
        if answer["status"] != "Accepted":
            _refused(command, fact)
            return
        profiles.record_set(
            charge_point_id=command.charge_point_id,
            operator_id=command.operator_id,
            fact=fact,
            at=at,
        )

    def on_error(
        command: SentCommand, code: str, description: str, at: datetime
    ) -> None:
        """It is not on the station; without an answer nobody knows."""
        del description
        fact = fact_of(command.payload)
        if code not in NO_ANSWER:
            _refused(command, fact)
        elif transaction_limits.is_ours(fact.profile_id):
            transaction_limits.note_lost(
                charge_point_id=command.charge_point_id,
                ocpp_id=fact.transaction_id,
                at=at,
            )

    return Outgoing(
        version, "SetChargingProfile", block, on_set, on_error, repeatable=True
    )


def _refused(command: SentCommand, fact: ProfileFact) -> None:
    if transaction_limits.is_ours(fact.profile_id):
        transaction_limits.note_refused(
            charge_point_id=command.charge_point_id, ocpp_id=fact.transaction_id
        )
