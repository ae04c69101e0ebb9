"""The way of a signed chain to its station."""

from datetime import datetime, timedelta
from typing import Final

from charge_points.models import StationCertificate
from charge_points.services import commands

DELIVERY: Final = timedelta(days=7)
SIGNER: Final = "station CA"


def send_chain(row: StationCertificate, *, at: datetime) -> None:
    """Queue ``CertificateSigned``.

    The root is not sent: the station has it installed, or must not believe it.
    """
    between = row.chain_pem if row.authority is None else row.authority.certificate_pem
    commands.queue(
        charge_point_id=row.charge_point_id,
        action="CertificateSigned",
        payload={"certificateChain": row.certificate_pem + between},
        by=SIGNER,
        idempotency_key=f"certificate {row.pk} {at.isoformat()}",
        expires_at=at + DELIVERY,
        at=at,
    )
