"""Steps 1 and 3 of the flow: a station asks for a certificate and hands it over."""

import uuid

from simulators.charge_point.dialect import CERTIFICATE_REQUEST, VENDOR, object_of
from simulators.charge_point.facts import CertificateOffer
from simulators.charge_point.link import CallRefused
from simulators.charge_point.outlet import Outlet
from simulators.charge_point.parts import Parts
from simulators.charge_point.wire import LineDown


async def request_certificate(parts: Parts, outlet: Outlet) -> CertificateOffer | None:
    """Ask for a charging certificate and hand it to the vehicle at the cable.

    Returns None where the server did not give one (the journal says why).
    """
    request_id = uuid.uuid4().hex
    asked = parts.dialect.certificate_request(outlet, request_id)
    try:
        status, answer = await parts.dialect.data_transfer(
            VENDOR, CERTIFICATE_REQUEST, asked
        )
    except (LineDown, CallRefused, TimeoutError) as error:
        _note(parts, outlet, "certificate_failed", reason=str(error))
        return None
    data = object_of(answer)
    if status != "Accepted" or data is None or "certificate" not in data:
        _note(parts, outlet, "certificate_failed", reason=f"answered {status}")
        return None
    offer = CertificateOffer(
        station=parts.identity,
        evse=outlet.evse,
        connector=outlet.connector,
        certificate=str(data["certificate"]),
        code=str(data.get("code", "")),
        uri=str(data.get("uri", "")),
        expires_at=str(data.get("expiresAt", data.get("expires_at", ""))),
    )
    _note(
        parts,
        outlet,
        "certificate_received",
        certificate=offer.certificate,
        code=offer.code,
        uri=offer.uri,
        expires_at=offer.expires_at,
    )
    if outlet.cable is not None and outlet.cable.vehicle is not None:
        parts.errands.spawn(outlet.cable.vehicle.offered(offer))
    return offer


def _note(parts: Parts, outlet: Outlet, name: str, **data: object) -> None:
    parts.journal.add(name, connector=outlet.number, **data)
