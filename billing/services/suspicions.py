"""Refused claims that look like an attack: told to the operator of the station."""

from datetime import datetime
from typing import Final

from charge_points.queries import connector_view
from charge_points.services import certificates, security
from charge_points.services.facts import SecurityRow
from cpms.kernel.errors import DomainError

KINDS: Final = {
    "station_mismatch": "ClaimFromAnotherStation",
    "proof_replayed": "ProofReplayed",
    "plug_in_mismatch": "ClaimWithoutPlugIn",
    "position_mismatch": "ClaimFromElsewhere",
    "certificate_already_claimed": "CertificateClaimedTwice",
}


def report(presented: str, error: DomainError, *, at: datetime) -> bool:
    """Record a refusal at the station of the certificate, if it is a suspicious one.

    Call it after the claim's database transaction was rolled back, in one of its own.
    What is no live certificate of ours belongs to no station and is only counted by
    the rate limit.

    Returns:
        Whether an event was recorded.
    """
    kind = KINDS.get(error.code)
    if kind is None:
        return False
    try:
        seen = certificates.verify(presented=presented, at=at)
    except certificates.UnableToVerifyCertificate:
        return False
    place = connector_view(seen.charge_point_identity, seen.evse, seen.connector)
    if place is None:
        return False
    security.record(
        SecurityRow(
            charge_point_id=place.charge_point_id,
            operator_id=place.operator_id,
            kind=kind,
            occurred_at=at,
            received_at=at,
            detail=f"EVSE {place.evse}, connector {place.connector}: {error.message}",
        )
    )
    return True
